"""`scalequest diff A B`: what differs between two datasets, tables of solvers or other folders, and why."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rich.console import Console

from components.shared.errors import ExitCode
from components.shared.plain_text import inert, shortened
from components.shared.publishing.markdown import inert_text
from components.shared.records import Score, kind_of
from components.shared.redaction import redacted
from components.shared.report.used_models import base_models
from components.shared.workspace.costs import account_of
from components.shared.workspace.lineage import Stage, stages_of
from components.shared.workspace.rows import Rows
from components.steps import step_names
from pipelines.folder_data import stage_as_data
from pipelines.json_output import print_json, without_secrets
from pipelines.reporting import exit_code_of, print_aligned
from pipelines.row_differences import Lost, RowDifferences, compare_rows
from pipelines.stage_differences import Change, StagePair, changed, figures_of, of_rows, pairs_of
from pipelines.workspace_folders import TABLE_STEP, folder_at, newest_dataset, newest_folder

MAX_VALUE = 60  # characters of an option's value

Form = Literal["text", "markdown", "json"]
Table = tuple[str, Sequence[tuple[str, ...]]]  # a heading, and rows, the first of which names the columns


@dataclass(frozen=True, kw_only=True)
class Differences:
    """What differs between two folders."""

    a: str
    b: str
    stages: Sequence[StagePair]
    rows_stages: Sequence[StagePair]
    models: Sequence[Change]
    rows: RowDifferences | None
    figures: Sequence[Change]


def diff(a: str, b: str, form: Form) -> int:
    """Print what differs between two folders, or the newest datasets of workspaces; return the exit code."""
    return exit_code_of("diff", lambda: _diff(a, b, form))


def _diff(a: str, b: str, form: Form) -> int:
    found = compare(_folder_at(a), _folder_at(b))
    if form == "json":
        print_json(_as_data(found))
    elif form == "markdown":
        sys.stdout.write(_markdown(found))
    else:
        _print(Console(file=sys.stdout), found)
    return ExitCode.DONE


def compare(a: str, b: str) -> Differences:
    """Compare two finished folders."""
    of_a = stages_of(a)
    of_b = stages_of(b, known=of_a)
    pairs = pairs_of(of_a, of_b)
    models = changed(dict.fromkeys(base_models(of_a), True), dict.fromkeys(base_models(of_b), True))
    account = account_of([*of_a, *of_b])
    return Differences(
        a=a,
        b=b,
        stages=pairs,
        rows_stages=of_rows(pairs, of_a, of_b),
        models=models,
        rows=compare_rows(of_a, of_b),
        figures=changed(figures_of(of_a, account) | _scores(of_a[-1]), figures_of(of_b, account) | _scores(of_b[-1])),
    )


def _folder_at(address: str) -> str:
    return newest_dataset(address) or newest_folder(address, TABLE_STEP) or folder_at(address, step_names())


def _scores(stage: Stage) -> dict[str, float]:
    """Return the accuracies of a table of solvers, by model, benchmark and group."""
    if stage.manifest.kind != kind_of(Score):
        return {}
    return {
        " ".join(filter(None, (each.model, each.benchmark or "mean", each.group_by, each.group))): each.accuracy
        for each in Rows([stage.folder], Score)
        if each.origin == "run"
    }


def _tables(found: Differences) -> Iterator[Table]:
    """Yield what is told, as tables: the funnel, options, models, rows lost and added, figures."""
    yield "Funnel", [("stage", "A", "B", "rejected by A", "rejected by B"), *map(_funnel_row, found.rows_stages)]
    options = [row for pair in found.stages for row in _option_rows(pair)]
    yield "Options", [("stage", "option", "A", "B"), *options] if options else []
    models = [(each.name, _yes(each.a), _yes(each.b)) for each in found.models]
    yield "Models", [("model", "A", "B"), *models] if models else []
    if found.rows is not None:
        rows = found.rows
        counts = [("in both", rows.in_both), ("in both, with another response", rows.with_another_response),
                  ("only in A", rows.only_in_a), ("only in B", rows.only_in_b)]  # fmt: skip
        yield "Questions", [("", "number"), *((name, f"{number:,}") for name, number in counts)]
        yield "Only in A: where B lost them", _lost_rows(rows.lost)
        yield "Only in B: where A lost them", _lost_rows(rows.added)
    figures = [(each.name, _number(each.a), _number(each.b)) for each in found.figures]
    yield "Figures", [("figure", "A", "B"), *figures] if figures else []


def _funnel_row(pair: StagePair) -> tuple[str, ...]:
    a, b = (f"{each.manifest.rows_in:,} → {each.manifest.rows_out:,}" if each else "" for each in (pair.a, pair.b))
    return pair.step, a, "the same folder" if pair.is_same else b, _rejected(pair.a), _rejected(pair.b)


def _rejected(stage: Stage | None) -> str:
    counts: Mapping[str, int] = stage.manifest.rejected if stage else {}
    return ", ".join(f"{reason} {number:,}" for reason, number in counts.items())


def _option_rows(pair: StagePair) -> Iterator[tuple[str, ...]]:
    if pair.a is None or pair.b is None:
        yield pair.step, "(the whole stage)", _yes(pair.a), _yes(pair.b)
    for change in pair.changes:
        yield pair.step, change.name, _value(change.a), _value(change.b)


def _lost_rows(lost: Sequence[Lost]) -> list[tuple[str, ...]]:
    if not lost:
        return []
    rows = [
        (each.reason, f"{each.questions:,}", inert(redacted(each.samples[0])) if each.samples else "") for each in lost
    ]
    return [("where and why", "questions", "for example"), *rows]


def _yes(there: Any) -> str:
    return "yes" if there else "no"


def _value(value: Any) -> str:
    return "(none)" if value is None else shortened(inert(without_secrets(value)), MAX_VALUE) or '""'


def _number(value: float | None) -> str:
    return "(none)" if value is None else f"{value:,.6g}"


def _print(console: Console, found: Differences) -> None:
    print_aligned(console, [("A", found.a), ("B", found.b)])
    for heading, rows in _tables(found):
        if rows:
            console.print()
            console.print(heading, style="bold", highlight=False)
            print_aligned(console, [tuple(map(inert, row)) for row in rows])


def _markdown(found: Differences) -> str:
    """Return a comment for a pull request; hostile texts of questions and options do nothing in it."""
    lines = ["### ScaleQuest: what differs", "", f"A: {inert_text(found.a)}  ", f"B: {inert_text(found.b)}"]
    for heading, rows in _tables(found):
        if rows:
            head, *others = [f"| {' | '.join(map(inert_text, row))} |" for row in rows]
            lines += ["", f"#### {heading}", "", head, f"|{'---|' * len(rows[0])}", *others]
    return "\n".join([*lines, ""])


def _as_data(found: Differences) -> dict[str, Any]:
    stages = [
        {
            "step": pair.step,
            "same": pair.is_same,
            "a": stage_as_data(pair.a) if pair.a else None,
            "b": stage_as_data(pair.b) if pair.b else None,
            "changes": pair.changes,
        }
        for pair in found.stages
    ]
    rows = found.rows and {
        "in_both": found.rows.in_both,
        "with_another_response": found.rows.with_another_response,
        "lost": found.rows.lost,
        "added": found.rows.added,
    }
    models = {"only_a": [m.name for m in found.models if m.a], "only_b": [m.name for m in found.models if m.b]}
    return {"a": found.a, "b": found.b, "stages": stages, "models": models, "rows": rows, "figures": found.figures}
