from __future__ import annotations

import dataclasses
import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.filter_solvability.config import FilterSolvabilityConfig
from components.filter_solvability.step import run as filter_solvability
from components.generate_questions.step import run as generate_questions
from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run as generate_responses
from components.shared.errors import InputError
from components.shared.records import Question, Response
from components.shared.scoring import Score, Text
from components.shared.scoring._scripted_scorer import ScriptedScorer
from components.shared.scoring.score_rows import score_rows
from components.shared.stores import storage
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace import Workspace, earlier_rows
from components.shared.workspace._uses import IN_USE, list_marks, read_mark
from components.shared.workspace.earlier_rows import MOST_FOLDERS, TAKEN_OVER, EarlierRows
from components.shared.workspace.ledgers import read_ledgers
from components.shared.workspace.lineage import stages_of
from components.shared.workspace.manifests import MANIFEST, read_manifest
from components.shared.workspace.planning import NUM_COMPARED
from components.shared.workspace.plans import PLAN
from tests.components.killed import kill_behind_parts
from tests.components.rejects import read_content, read_rejects
from tests.components.shared.other_processes import run_pods
from tests.components.shared.sample_folders import SampleConfig
from tests.conftest import WriteRows
from tests.scripted_runs import ASKED, NUM_SAMPLES, SCORED, generation, make_dataset
from tests.store_calls import counted_calls

TEXTS = [f"What is the sum of {number} and {number * 7}?" for number in range(24)]
NUM_PILOT, NUM_ALL = 24, 72


def taken_over(folder: str) -> dict[str, float]:
    """Return how many rows of a folder were taken over, by the folder that held them."""
    metrics = read_manifest(folder).metrics
    return {name.removeprefix(TAKEN_OVER): count for name, count in metrics.items() if name.startswith(TAKEN_OVER)}


def answering(workspace: Workspace, questions: str, **options: Any) -> GenerateResponsesConfig:
    given: dict[str, Any] = {"model": "scripted:m", "engine": "scripted", "num_samples": 2, "rows_per_part": 8}
    return GenerateResponsesConfig(workspace=workspace.uri, questions=questions, **given | options)


class Machine(ScriptedScorer):
    """A scorer on a machine of its own, which fails at one text."""

    def __init__(self, arithmetic: str = "", fails_at: str = "", reason: str = "") -> None:
        super().__init__(max_tokens=0)
        self.arithmetic, self._fails_at, self._reason = arithmetic, fails_at, reason

    def score(self, texts: Iterable[Text[Any]]) -> Iterator[Score[Any]]:
        for score, text in zip(super().score(given := list(texts)), given, strict=True):
            failed = dataclasses.replace(score, value=None, reason=self._reason, detail="this machine")
            yield failed if str(text.text) == self._fails_at else score


def scored(workspace: Workspace, questions: str, machine: Machine) -> str:
    """Score questions on a machine; return the folder's address."""
    rows = workspace.read(questions, Question)
    config = SampleConfig(workspace=workspace.uri, questions=questions, rows_per_part=8)
    folder = workspace.open(config).begin_rows(Question, rows.slices(8))
    return score_rows(rows, folder, lambda: machine, lambda row: row.question, "difficulty")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, str]]:
    """A pilot and the whole run after it in one workspace, and an undisturbed run in another; two generators."""
    piloted, other = (Workspace(str(tmp_path_factory.mktemp(name))) for name in ("piloted", "undisturbed"))
    generators = ("first", "second")
    return {
        "pilot": make_dataset(piloted, NUM_PILOT, generators=generators),
        "whole": make_dataset(piloted, NUM_ALL, generators=generators),
        "undisturbed": make_dataset(other, NUM_ALL, generators=generators),
    }


def test_a_run_after_a_pilot_makes_the_rows_of_an_undisturbed_one(runs: Mapping[str, Mapping[str, str]]) -> None:
    for step, folder in runs["whole"].items():
        expected = runs["undisturbed"][step]
        assert folder.split("/")[-2:] == expected.split("/")[-2:], "the address is the same"
        assert read_content(folder) == read_content(expected), step
        ours, theirs = read_manifest(folder), read_manifest(expected)
        assert (ours.parts, ours.rows_in, ours.rejected) == (theirs.parts, theirs.rows_in, theirs.rejected), step


def test_nothing_of_a_pilot_is_written_judged_answered_or_scored_twice(tmp_path: Path) -> None:
    """One generator: each question of the pilot comes through in the whole run too, so the sums are exact."""
    workspace = Workspace(str(tmp_path / "piloted"))
    pilot, whole = make_dataset(workspace, NUM_PILOT), make_dataset(workspace, NUM_ALL)
    undisturbed = make_dataset(Workspace(str(tmp_path / "undisturbed")), NUM_ALL)
    for step in (*ASKED, *SCORED):
        first, second, alone = (read_manifest(each[step]) for each in (pilot, whole, undisturbed))
        names = ("prompt_tokens", "output_tokens") if step in ASKED else ("tokens",)
        for name in names:
            assert first.metrics[name] + second.metrics[name] == alone.metrics[name], (step, name)
        assert taken_over(whole[step]) == {"/".join(pilot[step].split("/")[-2:]): first.rows_in}
        assert not taken_over(pilot[step])
    assert read_manifest(whole["generate_responses"]).rows_in > NUM_SAMPLES * NUM_PILOT


def test_what_was_taken_over_needs_the_pilot_no_more(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    workspace = Workspace(str(tmp_path / "piloted"))
    pilot, whole = make_dataset(workspace, 8), make_dataset(workspace, 16)
    for folder in pilot.values():
        shutil.rmtree(folder, ignore_errors=True)
    with caplog.at_level(logging.WARNING):
        stages = stages_of(whole["package_dataset"])
    assert "no longer exists" not in caplog.text
    assert all(verify_folder(stage.folder).sound for stage in stages)


def test_rejected_rows_are_taken_over_with_reason_and_detail(workspace: Workspace, tmp_path: Path) -> None:
    generate_questions(generation(workspace, 60, "g"), workspace)
    folder = generate_questions(generation(workspace, 80, "g"), workspace)
    undisturbed = Workspace(str(tmp_path / "undisturbed"))
    expected = read_rejects(generate_questions(generation(undisturbed, 80, "g"), undisturbed))
    assert read_rejects(folder) == expected
    assert {row["detail"] for row in expected if row["reason"] == "length"}


@pytest.mark.parametrize(("reason", "again"), [("", 1), ("killed_the_engine", 1), ("refused", 1), ("too_long", 0)])
def test_what_failed_by_the_machine_or_the_server_is_tried_again(
    workspace: Workspace, write_questions: WriteRows, reason: str, again: int
) -> None:
    pilot = scored(workspace, write_questions(workspace, TEXTS[:8]), Machine(fails_at=TEXTS[3], reason=reason))
    folder = scored(workspace, write_questions(workspace, TEXTS), Machine())
    assert read_manifest(pilot).rejected == {reason or "no_score": 1}
    assert sum(taken_over(folder).values()) == 8 - again
    assert sum(read_manifest(folder).rejected.values()) == 1 - again


def test_a_folder_states_the_arithmetic_of_the_rows_that_it_took_over(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    scored(workspace, write_questions(workspace, TEXTS[:8]), Machine("fp32 (no GPU)"))
    folder = scored(workspace, write_questions(workspace, TEXTS), Machine("bf16 (an H100 has it)"))
    manifest = read_manifest(folder)
    assert manifest.arithmetic == "bf16 (an H100 has it); fp32 (no GPU)"
    stated = [ledger.arithmetic for ledger in read_ledgers([f"{folder}/{part.name}" for part in manifest.parts])]
    assert ["fp32 (no GPU)" in each for each in stated] == [True, False, False], "of the parts that hold such rows"


@pytest.mark.parametrize(
    "options", [{"model": "scripted:other"}, {"temperature": 0.5}, {"seed": 1}, {"num_samples": 3}]
)
def test_rows_of_other_work_are_not_taken_over(
    workspace: Workspace, write_questions: WriteRows, options: dict[str, Any]
) -> None:
    generate_responses(answering(workspace, write_questions(workspace, TEXTS[:8])), workspace)
    folder = generate_responses(answering(workspace, write_questions(workspace, TEXTS), **options), workspace)
    assert taken_over(folder) == {}


@pytest.mark.parametrize(
    "change", [{"question": "What is 3 + 4?"}, {"id": "other"}, {"difficulty": 0.5}, {"source": "s"}]
)
def test_a_row_that_differs_in_any_column_is_made_anew(
    workspace: Workspace, write_rows: WriteRows, change: dict[str, Any]
) -> None:
    rows = [Question(id=f"q{number}", question=text) for number, text in enumerate(TEXTS)]
    generate_responses(answering(workspace, write_rows(workspace, rows[:8])), workspace)
    changed = [dataclasses.replace(rows[0], **change), *rows[1:]]
    folder = generate_responses(answering(workspace, write_rows(workspace, changed)), workspace)
    assert sum(taken_over(folder).values()) == 7 * 2


def test_rows_come_from_several_earlier_folders(workspace: Workspace, write_questions: WriteRows) -> None:
    rows = write_questions(workspace, TEXTS[:8]), write_questions(workspace, TEXTS[:12])
    first, second = (generate_responses(answering(workspace, each), workspace) for each in rows)
    folder = generate_responses(answering(workspace, write_questions(workspace, TEXTS)), workspace)
    assert sum(taken_over(folder).values()) == 12 * 2
    assert taken_over(folder).keys() <= {"/".join(each.split("/")[-2:]) for each in (first, second)}


def test_the_newest_folders_give_rows_and_only_so_many_as_may_be_held(
    workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [
        generate_responses(answering(workspace, write_questions(workspace, TEXTS[:number])), workspace)
        for number in (12, 10, 8)
    ]
    for year, folder in enumerate(folders, start=2024):
        manifest = storage.read_json(f"{folder}/_manifest.json")
        Path(folder, "_manifest.json").write_text(
            json.dumps(manifest | {"written_at": f"{year}-01-01T00:00:00+00:00"}), encoding="utf-8"
        )
    monkeypatch.setattr(earlier_rows, "MOST_ROWS", (8 + 10) * 2)
    whole = generate_responses(answering(workspace, write_questions(workspace, TEXTS)), workspace)
    names = ["/".join(folder.split("/")[-2:]) for folder in folders]
    assert taken_over(whole) == {names[2]: 8 * 2, names[1]: 2 * 2}


def add_siblings(folder: str, number: int) -> None:
    """Write plans and manifests of so many older folders of the same step that did other work."""
    for seed in range(100, 100 + number):
        sibling = Path(folder).with_name(f"{seed:016x}")
        sibling.mkdir()
        for name in (PLAN, MANIFEST):
            described = storage.read_json(f"{folder}/{name}")
            changed = {"fingerprint": sibling.name, "options": described["options"] | {"seed": seed}}
            (sibling / name).write_text(json.dumps(described | changed), encoding="utf-8")


@pytest.mark.parametrize(("num_rows", "num_looked_at"), [(6, 1), (24, MOST_FOLDERS)])
def test_older_folders_are_read_only_for_rows_that_the_newest_lacks_and_of_many_the_newest(
    workspace: Workspace, write_questions: WriteRows, num_rows: int, num_looked_at: int
) -> None:
    few = write_questions(workspace, TEXTS[:8])
    add_siblings(generate_responses(answering(workspace, few, seed=7), workspace), 60)
    pilot = generate_responses(answering(workspace, few), workspace)
    questions = write_questions(workspace, TEXTS[:num_rows])
    with counted_calls() as calls:
        folder = generate_responses(answering(workspace, questions), workspace)
    assert sum(taken_over(folder).values()) == min(num_rows, 8) * 2
    place = str(Path(folder).parent)
    elsewhere = [uri for uri in calls.read if uri.startswith(place) and not uri.startswith(folder)]
    plans, manifests = ([uri for uri in elsewhere if uri.endswith(name)] for name in (PLAN, MANIFEST))
    assert len(plans) == num_looked_at + NUM_COMPARED  # and those that say why the folder is a new one
    assert {*manifests} == {f"{pilot}/{MANIFEST}"}
    assert calls.listed.count(place) == 4  # by name and by time, for either question


def test_a_folder_without_a_row_of_ours_is_neither_marked_nor_read_nor_named(
    workspace: Workspace, write_rows: WriteRows, caplog: pytest.LogCaptureFixture
) -> None:
    others, ours = ([Question(id=f"{name}{n}", question=TEXTS[n]) for n in range(8)] for name in ("other", "our"))
    first = generate_responses(answering(workspace, write_rows(workspace, others)), workspace)
    given = write_rows(workspace, ours)
    shutil.rmtree(Path(workspace.uri, IN_USE))
    with caplog.at_level(logging.INFO):
        folder = generate_responses(answering(workspace, given), workspace)
    assert taken_over(folder) == {}
    name = "/".join(first.split("/")[-2:])
    assert not any(name in read_mark(workspace.uri, mark) for mark in list_marks(workspace.uri))
    assert "taken over from" not in caplog.text
    with caplog.at_level(logging.INFO):
        again = generate_responses(answering(workspace, write_rows(workspace, ours[:4])), workspace)
    assert sum(taken_over(again).values()) == 4 * 2
    assert [record.args for record in caplog.records if record.msg.startswith("taken over from")] == [
        ("/".join(folder.split("/")[-2:]),)
    ]


def test_an_unfinished_folder_gives_nothing(workspace: Workspace, write_questions: WriteRows) -> None:
    first = generate_responses(answering(workspace, write_questions(workspace, TEXTS[:8])), workspace)
    Path(first, "_manifest.json").unlink()
    folder = generate_responses(answering(workspace, write_questions(workspace, TEXTS)), workspace)
    assert taken_over(folder) == {}


def test_a_folder_whose_input_is_gone_gives_nothing(workspace: Workspace, write_questions: WriteRows) -> None:
    few = write_questions(workspace, TEXTS[:8])
    generate_responses(answering(workspace, few), workspace)
    shutil.rmtree(few)
    folder = generate_responses(answering(workspace, write_questions(workspace, TEXTS)), workspace)
    assert taken_over(folder) == {}


def test_an_input_of_its_own_that_is_gone_is_an_error(workspace: Workspace, write_questions: WriteRows) -> None:
    generate_responses(answering(workspace, write_questions(workspace, TEXTS[:8])), workspace)
    questions = write_questions(workspace, TEXTS)
    rows = workspace.read(questions, Question)
    slices = rows.slices(8)
    folder = workspace.open(answering(workspace, questions), rows).begin_rows(Response, slices, units_per_row=2)
    first = rows.read(slices[0])[0]
    shutil.rmtree(questions)
    with pytest.raises(InputError, match="no folder of rows or model exists here"):
        EarlierRows(folder, "question_id").of(first)


def test_a_folder_that_was_changed_gives_nothing(
    workspace: Workspace, write_questions: WriteRows, caplog: pytest.LogCaptureFixture
) -> None:
    first = generate_responses(answering(workspace, write_questions(workspace, TEXTS[:8])), workspace)
    Path(first, "part-00000.parquet").write_bytes(b"no Parquet")
    with caplog.at_level(logging.INFO):
        folder = generate_responses(answering(workspace, write_questions(workspace, TEXTS)), workspace)
    assert taken_over(folder) == {}
    assert "nothing is taken over from generate_responses/" in caplog.text


def test_a_folder_whose_rows_were_changed_gives_none_of_that_part(
    workspace: Workspace, write_questions: WriteRows, caplog: pytest.LogCaptureFixture
) -> None:
    first = generate_responses(answering(workspace, write_questions(workspace, TEXTS[:12])), workspace)
    other = generate_responses(answering(workspace, write_questions(workspace, TEXTS[:12]), seed=7), workspace)
    shutil.copy(Path(other, "part-00001.parquet"), first)
    with caplog.at_level(logging.INFO):
        folder = generate_responses(answering(workspace, write_questions(workspace, TEXTS)), workspace)
    assert sum(taken_over(folder).values()) == 8 * 2
    assert "nothing more is taken over from generate_responses/" in caplog.text


def test_figures_of_a_step_count_its_own_work_only(workspace: Workspace, write_questions: WriteRows) -> None:
    given: dict[str, Any] = {"workspace": workspace.uri, "model": "scripted:m", "engine": "scripted"}
    first, second = (
        filter_solvability(FilterSolvabilityConfig(questions=write_questions(workspace, texts), **given), workspace)
        for texts in (TEXTS[:8], TEXTS)
    )
    judged = [read_manifest(folder).metrics["judgements"] for folder in (first, second)]
    undisturbed = FilterSolvabilityConfig(questions=write_questions(workspace, TEXTS), **given | {"threshold": 0.6})
    assert sum(judged) == read_manifest(filter_solvability(undisturbed, workspace)).metrics["judgements"]


def test_a_run_that_is_killed_while_it_takes_over_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    undisturbed, killed = Workspace(str(tmp_path / "undisturbed")), Workspace(str(tmp_path / "killed"))
    expected = generate_questions(generation(undisturbed, 96, "g"), undisturbed)
    generate_questions(generation(killed, 40, "g"), killed)
    standing = kill_behind_parts(generation(killed, 96, "g"), 2)  # the part that dies holds rows of both kinds
    assert len(standing) == 2
    folder = generate_questions(generation(killed, 96, "g"), killed)
    assert {path: path.stat().st_mtime_ns for path in standing} == standing
    assert read_manifest(folder).parts == read_manifest(expected).parts
    assert sum(taken_over(folder).values()) == 40


def test_pods_that_take_over_make_the_rows_of_one(tmp_path: Path) -> None:
    one, three = Workspace(str(tmp_path / "one")), Workspace(str(tmp_path / "three"))
    expected = generate_questions(generation(one, 96, "g"), one)
    generate_questions(generation(three, 40, "g"), three)
    folder = run_pods(lambda pod: generate_questions(generation(three, 96, "g"), pod), three.uri)
    assert read_content(folder) == read_content(expected)
    assert sum(taken_over(folder).values()) == 40
