"""Small folders for the tests of what makes and reads folders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.config import PartsConfig, option
from components.shared.records import Question, Reject
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace._attempts import work_of
from components.shared.workspace.output_folders import OutputFolder, Part
from components.shared.workspace.plans import Slice


@dataclass(frozen=True, kw_only=True)
class SampleConfig(PartsConfig):
    """Options that change the rows, options that do not, and an input."""

    questions: str = option("", help="folder of Question rows", is_folder=True)
    name: str = option("x", help="any text")
    count: int = option(3, help="how many")
    share: float = option(0.5, help="share")
    keep: bool = option(True, help="keep")
    num_gpus: int = option(1, help="hardware", affects_output=False)


def fingerprint_of(config: SampleConfig) -> str:
    """Return the last name of the address of a folder of no rows."""
    return Workspace(config.workspace).open(config).begin_rows(Question, []).fingerprint


def some_row(number: int) -> Question:
    """Return a row that is known by its number."""
    return Question(id=str(number), question=f"question {number}")


def create_folder(workspace: Workspace, num_rows: int, rows_per_part: int) -> OutputFolder:
    """Plan a folder of rows that come from nowhere, or find it."""
    starts = range(0, num_rows, rows_per_part)
    slices = [Slice(start=start, stop=min(start + rows_per_part, num_rows)) for start in starts]
    config = SampleConfig(workspace=workspace.uri, rows_per_part=rows_per_part)
    return workspace.open(config).begin_rows(Question, slices)


def take_from(others: int, folder: OutputFolder) -> Part:
    """Take the first part as a process does that takes ``others``, who have it and live, for dead."""
    folder.leases.standing.attempts[work_of(0)] = others
    lease = folder.leases.take(work_of(0))
    assert lease is not None
    return Part(folder, lease)


def settle(part: Any, index: int, reason: str = "") -> None:
    """Keep a row of a part, or reject it for a reason."""
    row = some_row(part.slice.start + index)
    if reason:
        part.settle(index, rejected=[Reject(row=row, reason=reason)])
    else:
        part.settle(index, kept=[row])


def write_folder(workspace: Workspace, verdicts: list[str], rows_per_part: int) -> str:
    """Make a folder, with a row for each verdict: "" for a row that is kept, or the reason for which it is not."""
    folder = create_folder(workspace, len(verdicts), rows_per_part)
    for part in folder.missing_parts():
        for index in range(len(part)):
            settle(part, index, verdicts[part.slice.start + index])
    return folder.finish()


def snapshot(uri: str) -> dict[str, tuple[bytes, int]]:
    """Return content and time of change of all files below a folder."""
    paths = sorted(path for path in Path(uri).rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def change_json(uri: str, change: Callable[[Any], Any]) -> None:
    """Put other content in the place of a JSON object, in any store."""
    content = storage.read_json(uri)
    storage.delete_object(uri)
    storage.create_json(uri, change(content))
