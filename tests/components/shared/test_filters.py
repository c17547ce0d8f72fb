from __future__ import annotations

from dataclasses import dataclass

from components.shared.config import FilterConfig
from components.shared.filters import KEEP, Verdict, filter_questions
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.tables import read_table
from tests.conftest import WriteRows


@dataclass(frozen=True, kw_only=True)
class SampleFilterConfig(FilterConfig):
    """Drop short questions."""


def judge(row: Question) -> Verdict:
    return KEEP if len(row.question) > 3 else Verdict("short", f"{len(row.question)} characters")


def test_kept_rows_stay_as_they_are_and_rejects_say_why(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, ["What?", "Eh", "Why not?", ""])
    config = SampleFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=3)

    folder = filter_questions(config, workspace, judge)

    manifest = read_manifest(folder)
    rejects = [row for part in manifest.parts for row in read_table(storage.join(folder, part.rejects)).to_pylist()]
    assert [row.question for row in workspace.read(folder, Question)] == ["What?", "Why not?"]
    assert (manifest.rows_in, manifest.rows_out, manifest.rejected) == (4, 2, {"short": 2})
    assert [(row["id"], row["reason"], row["detail"]) for row in rejects] == [
        ("q1", "short", "2 characters"),
        ("q3", "short", "0 characters"),
    ]


def test_nothing_to_filter_is_a_finished_empty_folder(workspace: Workspace, write_questions: WriteRows) -> None:
    nothing = filter_questions(
        SampleFilterConfig(workspace=workspace.uri, questions=write_questions(workspace, ["", "?"])), workspace, judge
    )
    folder = filter_questions(SampleFilterConfig(workspace=workspace.uri, questions=nothing), workspace, judge)
    assert list(workspace.read(folder, Question)) == []
    assert read_manifest(folder).rows_in == 0
