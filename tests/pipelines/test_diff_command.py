"""What `scalequest diff` tells of two folders: funnels, options, models, questions lost and added, figures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from components.compare_solvers.config import CompareSolversConfig
from components.compare_solvers.step import run as compare_solvers
from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import run as package_dataset
from components.shared.errors import ExitCode
from components.shared.publishing.markdown import inert_text
from components.shared.redaction import MASK
from components.shared.workspace import Workspace
from components.shared.workspace.lineage import stages_of
from components.shared.workspace.manifests import MANIFEST, read_manifest
from pipelines.diff_command import Form, compare, diff
from pipelines.row_differences import NOT_THERE, compare_rows
from pipelines.stage_differences import pairs_of
from tests.components.compare_solvers.evaluations import evaluations, write_evaluation
from tests.components.package_dataset.test_step import response
from tests.components.shared.workspace.test_lineage import halve
from tests.conftest import WriteRows
from tests.pipelines.test_cli import scalequest
from tests.store_calls import counted_calls

HOSTILE = "<script>alert(1)</script> | [x](javascript:y) \x1b[31m `z`\n# head"


def test_questions_lost_and_added_come_with_the_stage_and_reason_that_took_them(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    a = halve(workspace, write_questions(workspace, ["a", "b", "c", "d"]))
    b = halve(workspace, write_questions(workspace, ["b", "a", "d", "c", "e"]))
    rows = compare(a, b).rows
    assert rows is not None
    assert (rows.in_both, rows.only_in_a, rows.only_in_b) == (0, 2, 3)
    step = read_manifest(a).step
    assert [(each.reason, each.questions, [*each.samples]) for each in rows.lost] == [(f"{step}: odd", 2, ["a", "c"])]
    assert [(each.reason, each.questions, [*each.samples]) for each in rows.added] == [
        (f"{step}: odd", 2, ["b", "d"]),
        (NOT_THERE, 1, ["e"]),
    ]


def test_of_a_folder_and_what_was_made_of_it_the_rejected_rows_are_lost(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, ["a", "b", "c", "d"])
    rows = compare(questions, halve(workspace, questions)).rows
    assert rows is not None
    assert (rows.in_both, rows.only_in_b) == (2, 0)
    assert [(each.reason, [*each.samples]) for each in rows.lost] == [("halve: odd", ["b", "d"])]


def test_the_manifest_of_a_stage_that_both_share_is_read_once(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, ["a", "b", "c", "d"])
    shared = halve(workspace, questions)
    a, b = halve(workspace, shared), halve(workspace, f"{shared}/rejected")
    with counted_calls() as calls:
        found = compare(a, b)
    assert [(pair.step, pair.is_same) for pair in found.stages] == [
        ("given_rows", True), ("halve", True), ("halve", False),
    ]  # fmt: skip
    assert calls.num_read(f"{questions}/{MANIFEST}") == 1


def test_datasets_differ_in_options_responses_and_figures(
    workspace: Workspace, write_rows: WriteRows, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [response(number) for number in range(4)]
    other = [dataclasses.replace(rows[0], response="Another one: \\boxed{1}"), *rows[1:]]
    a, b = (
        package_dataset(
            PackageDatasetConfig(workspace=workspace.uri, responses=write_rows(workspace, given), license=license_),
            workspace,
        )
        for given, license_ in ((rows, "mit"), (other, "apache-2.0"))
    )
    assert diff(a, b, "json") == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"]["in_both"], told["rows"]["with_another_response"]) == (4, 1)
    (changes,) = [each["changes"] for each in told["stages"] if each["step"] == "package_dataset"]
    assert changes == [{"name": "license", "a": "mit", "b": "apache-2.0"}]
    assert diff(a, b, "text") == ExitCode.DONE
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "package_dataset license mit apache-2.0" in lines
    assert "in both, with another response 1" in lines
    assert "package_dataset 4 → 4 4 → 4" in lines


def test_models_from_outside_are_compared(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, ["a", "b"])
    found = compare(halve(workspace, questions, "random:one"), halve(workspace, questions, "random:two"))
    assert [(each.name, bool(each.a), bool(each.b)) for each in found.models] == [
        ("random:one", True, False),
        ("random:two", False, True),
    ]


def test_scorers_from_outside_are_compared_with_the_models(workspace: Workspace, write_questions: WriteRows) -> None:
    folder = halve(workspace, write_questions(workspace, ["a", "b"]), "random:one")
    manifest = Path(folder, MANIFEST)
    manifest.write_text(manifest.read_text().replace('"model": [', '"scorer": ['))
    found = compare(folder, halve(workspace, write_questions(workspace, ["a", "b"])))
    assert [(each.name, bool(each.a), bool(each.b)) for each in found.models] == [("random:one", True, False)]


@pytest.mark.parametrize("several", [["1", "2"], ["2", "1"], ["2", "1", "2"]])
def test_responses_of_a_question_are_compared_in_any_order_each_once(
    workspace: Workspace, write_rows: WriteRows, several: list[str]
) -> None:
    def answered(*responses: str) -> str:
        rows = [response(0, id=f"q0-{sample}", sample=sample, response=text) for sample, text in enumerate(responses)]
        return write_rows(workspace, [*rows, response(1)])

    found = compare_rows(stages_of(answered("1", "2")), stages_of(answered(*several, "x")))
    assert found is not None
    assert (found.in_both, found.with_another_response) == (2, 1)
    found = compare_rows(stages_of(answered("1", "2")), stages_of(answered(*several)))
    assert found is not None
    assert (found.in_both, found.with_another_response) == (2, 0)


def test_examples_are_read_until_each_reason_has_its_own(workspace: Workspace, write_questions: WriteRows) -> None:
    a = write_questions(workspace, [f"only {number}" for number in range(40)], rows_per_part=4)
    with counted_calls() as calls:
        found = compare_rows(stages_of(a), stages_of(write_questions(workspace, ["another"])))
    assert found is not None
    assert [(each.reason, each.samples) for each in found.lost] == [(NOT_THERE, ["only 0", "only 1", "only 2"])]
    assert sum(uri.startswith(a) and uri.endswith(".parquet") for uri in calls.read) == 10 + 1


def test_each_stage_is_compared_with_its_like_once(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, ["a", "b", "c", "d"])
    short, long = halve(workspace, questions), halve(workspace, halve(workspace, questions))
    pairs = pairs_of(stages_of(short), stages_of(long))
    assert [(pair.is_same, pair.a is None) for pair in pairs] == [(True, False), (True, False), (False, True)]
    assert [pair.step for pair in pairs] == [stage.step for stage in stages_of(long)]
    back = pairs_of(stages_of(long), stages_of(short))
    assert [(pair.is_same, pair.b is None) for pair in back] == [(True, False), (True, False), (False, True)]


def test_the_same_folder_differs_in_nothing(
    workspace: Workspace, write_questions: WriteRows, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = halve(workspace, write_questions(workspace, ["a", "b"]))
    found = compare(folder, folder)
    assert (found.models, found.figures, [pair.changes for pair in found.stages]) == ([], [], [[], []])
    assert diff(folder, folder, "text") == ExitCode.DONE
    said = capsys.readouterr().out
    assert said.count("the same folder") == 2
    assert "Options" not in said


def test_hostile_questions_do_nothing_on_a_terminal_and_in_a_pull_request(
    workspace: Workspace, write_questions: WriteRows, capsys: pytest.CaptureFixture[str]
) -> None:
    a = halve(workspace, write_questions(workspace, [HOSTILE]))
    b = halve(workspace, write_questions(workspace, ["b"]))
    assert diff(a, b, "text") == diff(a, b, "json") == ExitCode.DONE
    assert "\x1b" not in capsys.readouterr().out
    assert diff(a, b, "markdown") == ExitCode.DONE
    markdown = capsys.readouterr().out
    lines = [line for line in markdown.splitlines() if "alert" in line]
    assert [line.count("|") - line.count("\\|") for line in lines] == [5, 4]  # of an option, and as an example
    assert [part for part in ("<script", "\x1b", " `", "](", "\n# head") if part in markdown] == []


@pytest.mark.parametrize("secret", ["sk-proj_abc.def-123", "pässwört", 'a"b\\c\'d"e', "<b>&amp;|x", "2|1 - 1|2"])
def test_no_secret_is_shown_however_a_form_escapes_it(
    secret: str,
    workspace: Workspace,
    write_questions: WriteRows,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a = halve(workspace, write_questions(workspace, [f"see {secret}", f"{'x' * 50} {secret}"]))
    b = halve(workspace, write_questions(workspace, ["b"]))
    hidden = (secret, str(inert_text(secret)), json.dumps(secret)[1:-1], secret[:6])
    monkeypatch.setenv("MY_API_KEY", secret)
    forms: tuple[Form, ...] = ("text", "json", "markdown")
    for form in forms:
        assert diff(a, b, form) == ExitCode.DONE
        said = capsys.readouterr().out
        assert f"see {inert_text(MASK) if form == 'markdown' else MASK}" in said
        assert [text for text in hidden if text in said] == []


def test_tables_of_solvers_are_compared_by_their_accuracies(workspace: Workspace) -> None:
    tables = list[str]()
    for marks in ("+-+-", "++++"):
        evaluation = write_evaluation(workspace, evaluations(marks), f"hf://org/Base-{len(tables)}B@{'0' * 40}")
        config = CompareSolversConfig(workspace=workspace.uri, evaluations=evaluation)
        tables.append(compare_solvers(config, workspace))
    found = compare(*tables)
    assert found.rows is None
    assert {(each.a, each.b) for each in found.figures} >= {(0.5, None), (None, 1.0)}


def test_what_holds_no_folder_is_refused_by_the_command(tmp_path: Path) -> None:
    result = scalequest("diff", str(tmp_path), str(tmp_path), cwd=tmp_path)
    assert result.returncode == 2
    assert "no folder of rows or model exists here" in result.stderr
    both = scalequest("diff", "a", "b", "--markdown", "--json", cwd=tmp_path)
    assert both.returncode == 2
    assert "contradict each other" in both.stderr
