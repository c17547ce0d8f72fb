"""Folders that were made from each other, for the tests of what looks at whole workspaces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.shared.config import StepConfig, option
from components.shared.records import Example, Question, Reject, Row, Score
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import OutputFolder
from components.shared.workspace.plans import Slice


@dataclass(frozen=True, kw_only=True)
class JoinConfig(StepConfig):
    """The rows of some folders, and one more."""

    name: str = option(help="so that two of them are not the same")
    questions: str = option("", help="folders of Question rows", is_folder=True)
    model: str = option("", help="model URI", is_folder=True)

    step = "join"


@dataclass(frozen=True, kw_only=True)
class PublishConfig(JoinConfig):
    """A dataset."""

    step = "publish"


def plan_join(workspace: Workspace, name: str, sources: Sequence[str] = (), model: str = "") -> OutputFolder:
    """Plan a folder that is made from others: one row a source, the last one rejected, in parts of one row."""
    config = JoinConfig(workspace=workspace.uri, name=name, questions=_list(sources), model=model)
    return workspace.open(config).begin_rows(Question, _slices(sources))


def join(workspace: Workspace, name: str, sources: Sequence[str] = (), model: str = "") -> str:
    """Make a folder from others."""
    return _settle(plan_join(workspace, name, sources, model))


def publish(workspace: Workspace, name: str, sources: Sequence[str] = ()) -> str:
    """Make a dataset from other folders."""
    config = PublishConfig(workspace=workspace.uri, name=name, questions=_list(sources))
    return _settle(workspace.open(config).begin_rows(Example, _slices(sources)))


def score(workspace: Workspace, name: str, sources: Sequence[str] = ()) -> str:
    """Make an empty table of solvers from other folders."""
    config = PublishConfig(workspace=workspace.uri, name=name, questions=_list(sources))
    return workspace.open(config).begin_rows(Score, []).finish()


def train_model(workspace: Workspace, name: str, sources: Sequence[str], scratch: Path, weights: bytes = b"w") -> str:
    """Make a model from other folders."""
    scratch.mkdir(exist_ok=True)
    (scratch / "model.safetensors").write_bytes(weights)
    (scratch / "config.json").write_text("{}")
    config = JoinConfig(workspace=workspace.uri, name=name, questions=_list(sources))
    rejects = [Reject(row=Question(id="long", question="too long"), reason="too_long")]
    return workspace.open(config).begin_model().finish(scratch, metrics={}, rows_in=2, rejects=rejects, record=Question)


def _settle(folder: OutputFolder) -> str:
    for part in folder.missing_parts():
        row = _row(folder.record, f"{folder.fingerprint[:4]}-{part.number}")
        if part.number == len(folder.slices) - 1:
            part.settle(0, rejected=[Reject(row=row, reason="last")])
        else:
            part.settle(0, kept=[row])
    return folder.finish()


def _row(record: type[Row], name: str) -> Row:
    if record is Question:
        return Question(id=name, question=f"{name}?")
    return Example(
        id=name, question=f"{name}?", response="4", final_answer="4", answer="", source="", difficulty=None,
        reward=None, num_agreeing=None, num_candidates=None, num_tokens=1,
    )  # fmt: skip


def _slices(sources: Sequence[str]) -> list[Slice]:
    return [Slice(start=number, stop=number + 1) for number in range(len(sources) + 2)]


def _list(sources: Sequence[str]) -> str:
    return json.dumps(list(sources)) if sources else ""
