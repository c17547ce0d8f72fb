"""What the task that checks a run tells Kubeflow: its outputs, and a page of what will run, what is reused and why.

The page is Markdown, and nothing in it does anything.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.shared.command.kubeflow_answer import write_answer
from components.shared.publishing.markdown import inert_text
from pipelines.cluster.findings import Finding
from pipelines.run_checks.hardware_outputs import CheckedHardware
from pipelines.run_checks.looking import Looked
from pipelines.run_checks.task_hardware import told_tasks
from pipelines.run_checks.told import REPORT, REPORT_METADATA

MARKS = {True: "yes", False: "no", None: "not known"}


@dataclass(frozen=True, kw_only=True)
class CheckedRun:
    """A run that was checked."""

    pipeline: str
    preset: str
    workspace: str
    account: str  # "" outside of a pod
    advice: str  # "" for the account that was meant
    hardware: CheckedHardware
    findings: Sequence[Finding]
    steps: Sequence[Looked]

    @property
    def sentence(self) -> str:
        """Return what stands of its steps: "scalequest: 30 steps, 20 new, 10 reused"."""
        counts = Counter(each.state for each in self.steps)
        told = (f"{number} {state}" for state, number in counts.items())
        return ", ".join([f"{self.pipeline}: {len(self.steps)} steps", *told])


def report(checked: CheckedRun, outputs: Mapping[str, Any]) -> None:
    """Write each output's file, the page, and the executor output file; ``outputs``: those of the task."""
    values = told_tasks(outputs["parameters"], checked.hardware, checked.steps)
    write_answer(outputs, values, {REPORT: (REPORT_METADATA, page_of(checked).encode())})


def page_of(run: CheckedRun) -> str:
    """Return the page."""
    facts = {
        "Preset": run.preset or "none",
        "Workspace": run.workspace,
        "Service account": run.account or "none: not in a pod",
        "Hardware": "Jobs by the profile" if run.hardware.profile else "the tasks' own pods",
    }
    lines = [f"# {inert_text(run.sentence)}", ""]
    lines += [f"**{inert_text(run.advice)}**", ""] if run.advice else []
    lines += _table(("", ""), facts.items())
    lines += ["## Steps", "", *_table(("step", "of", "state", "why, or its folder"), map(_row, run.steps))]
    if run.findings:
        lines += ["## Checks", ""]
        lines += _table(("passed", "what"), ((MARKS[each.passed], each.text) for each in run.findings))
    outputs = {name: value for name, value in dataclasses.asdict(run.hardware).items() if name != "profile"}
    lines += ["## What tasks ask for", "", *_table(("", ""), outputs.items())]
    return "\n".join(lines)


def _row(looked: Looked) -> tuple[str, str, str, str]:
    told = looked.folder if looked.state == "reused" else "; ".join(filter(None, (looked.why, looked.note)))
    return looked.step.name, looked.step.item, looked.state, told


def _table(head: Sequence[str], rows: Iterable[Iterable[object]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(inert_text(value) for value in row)} |" for row in rows]
    return [*lines, ""]
