from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run as generate_responses
from components.shared.errors import InputError
from components.shared.records import Question, Response
from components.shared.workspace import Workspace
from components.shared.workspace.lineage import rows_stages_of, stages_of
from components.shared.workspace.manifests import MANIFEST, read_manifest
from tests.components.shared import slow_filter
from tests.components.shared.sample_folders import write_folder
from tests.components.shared.sample_graphs import train_model
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.components.shared.workspace.test_lineage import halve
from tests.stores import Store

VERDICTS = ["", "bad", "", "", "odd", "bad", "", "bad"]  # in parts of two: what rejects part 1 wrote are none


def ids(rows: Sequence[Question]) -> list[str]:
    return [row.id for row in rows]


def filter_again(workspace: Workspace, questions: str, **options: Any) -> str:
    return slow_filter.run(
        SlowFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=2, **options), workspace
    )


def test_rejected_rows_are_fed_through_a_later_step_on_each_store(store: Store) -> None:
    workspace = Workspace(store.uri)
    folder = write_folder(workspace, VERDICTS, 2)
    again = filter_again(workspace, f"{folder}/rejected")
    manifest = read_manifest(again)
    assert (manifest.rows_in, manifest.rows_out, manifest.rejected) == (4, 4, {})
    assert ids(list(workspace.read(again, Question))) == ["1", "4", "5", "7"]


def test_a_row_that_was_read_again_says_where_and_why_it_had_been_rejected(workspace: Workspace) -> None:
    folder = write_folder(workspace, VERDICTS, 2)
    where = "/".join(folder.split("/")[-2:])
    rows = list(workspace.read(f"{folder}/rejected", Question))
    assert [row.history for row in rows] == [(f"{where}: {reason}",) for reason in ("bad", "odd", "bad", "bad")]
    second = halve(workspace, f"{folder}/rejected")
    (twice,) = workspace.read(f"{second}/rejected", Question)
    assert (twice.id, twice.history) == ("5", (f"{where}: bad", f"{'/'.join(second.split('/')[-2:])}: odd"))
    assert {row.id: row.history for row in workspace.read(second, Question)} == {
        "1": (f"{where}: bad",),
        "4": (f"{where}: odd",),
        "7": (f"{where}: bad",),
    }


def test_a_questions_history_goes_with_its_responses(workspace: Workspace) -> None:
    folder = write_folder(workspace, VERDICTS, 2)
    config = GenerateResponsesConfig(
        workspace=workspace.uri, questions=f"{folder}/rejected/odd", model="scripted:x", engine="scripted"
    )
    responses = generate_responses(config, workspace)
    rows = [*workspace.read(responses, Response), *workspace.read(f"{responses}/rejected", Response)]
    assert len(rows) == 5
    assert {row.history[0] for row in rows} == {f"{'/'.join(folder.split('/')[-2:])}: odd"}


def test_rejected_rows_of_one_reason_are_an_input_of_their_own(workspace: Workspace) -> None:
    folder = write_folder(workspace, VERDICTS, 2)
    found = {reason: ids(list(workspace.read(f"{folder}/rejected/{reason}", Question))) for reason in ("bad", "odd")}
    assert found == {"bad": ["1", "5", "7"], "odd": ["4"]}
    addresses = {filter_again(workspace, f"{folder}/{name}") for name in ("", "rejected", "rejected/bad")}
    assert len(addresses) == 3


def test_a_reason_that_nothing_was_rejected_for_is_named_with_those_that_are(workspace: Workspace) -> None:
    folder = write_folder(workspace, VERDICTS, 2)
    with pytest.raises(InputError, match=r"rejected/worse: no row was rejected as 'worse' there; .* one of bad, odd"):
        workspace.read(f"{folder}/rejected/worse", Question)


def test_a_folder_that_rejected_nothing_has_no_rejected_rows(workspace: Workspace) -> None:
    folder = write_folder(workspace, ["", ""], 2)
    assert list(workspace.read(f"{folder}/rejected", Question)) == []
    assert read_manifest(filter_again(workspace, f"{folder}/rejected")).rows_in == 0


def test_rejected_rows_of_another_kind_are_refused(workspace: Workspace) -> None:
    folder = write_folder(workspace, VERDICTS, 2)
    with pytest.raises(InputError, match="holds rejected question rows, made by shared; expected response rows"):
        workspace.read(f"{folder}/rejected", Response)


def test_rejected_rows_of_an_unfinished_folder_are_refused(workspace: Workspace) -> None:
    folder = write_folder(workspace, VERDICTS, 2)
    Path(folder, MANIFEST).unlink()
    with pytest.raises(InputError, match="is not finished: its manifest is missing; finish it with"):
        workspace.read(f"{folder}/rejected", Question)


def test_rejected_rows_that_no_part_counts_are_not_read(workspace: Workspace) -> None:
    folder = write_folder(workspace, VERDICTS, 2)
    (name,) = Path(folder, "rejected").glob("part-00000-*")
    Path(folder, "rejected", "part-00000-01234567.parquet").write_bytes(name.read_bytes())
    assert len(workspace.read(f"{folder}/rejected", Question)) == 4


def test_rejected_rows_that_were_changed_are_refused(workspace: Workspace) -> None:
    folder = write_folder(workspace, VERDICTS, 2)
    first, *_, last = sorted(Path(folder, "rejected").iterdir())
    last.write_bytes(first.read_bytes())
    with pytest.raises(InputError, match=r"rejected/part-00003-\w+.parquet has rows that differ from its"):
        list(workspace.read(f"{folder}/rejected", Question))


def test_rows_that_a_training_rejected_are_of_the_kind_that_it_read(workspace: Workspace, tmp_path: Path) -> None:
    questions = write_folder(workspace, VERDICTS, 2)
    model = train_model(workspace, "model", [questions], tmp_path / "model")
    again = filter_again(workspace, f"{model}/rejected")
    assert ids(list(workspace.read(again, Question))) == ["long"]
    assert [stage.folder for stage in rows_stages_of(stages_of(again))] == [questions, model, again]


def test_the_lineage_of_rows_that_were_read_again_leads_to_where_they_had_been_rejected(workspace: Workspace) -> None:
    folder = write_folder(workspace, VERDICTS, 2)
    again = filter_again(workspace, json.dumps([folder, f"{folder}/rejected"]))
    stages = stages_of(again)
    assert [stage.folder for stage in stages] == [folder, again]
    assert [stage.folder for stage in rows_stages_of(stages_of(again))] == [folder, again]
    assert stages[1].reads == (folder,)
    for stage in stages:
        manifest = stage.manifest
        assert manifest.rows_in == manifest.rows_out + sum(manifest.rejected.values())
    assert stages[1].manifest.rows_in == stages[0].manifest.rows_in


def test_the_address_of_what_was_made_from_rejected_rows_is_the_same_in_any_place(tmp_path: Path) -> None:
    made = [
        filter_again(workspace, f"{write_folder(workspace, VERDICTS, 2)}/rejected")
        for workspace in (Workspace(str(tmp_path / "a")), Workspace(str(tmp_path / "b")))
    ]
    assert made[0].split("/")[-1] == made[1].split("/")[-1]


def test_rejected_rows_that_were_made_again_otherwise_are_not_mixed_into_a_half_done_folder(
    workspace: Workspace,
) -> None:
    folder = write_folder(workspace, VERDICTS, 2)
    config = SlowFilterConfig(workspace=workspace.uri, questions=f"{folder}/rejected", rows_per_part=2)
    workspace.open(config).begin_rows(Question, workspace.read(f"{folder}/rejected", Question).slices(2))
    manifest = json.loads(Path(folder, MANIFEST).read_text())
    manifest["parts"][2]["rejects_digest"] = "0" * 64
    Path(folder, MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"is unfinished, and --questions .*/rejected was made again since"):
        workspace.open(config).begin_rows(Question, [])


@settings(max_examples=25)
@given(
    verdicts=st.lists(st.sampled_from(["", "bad", "odd"]), max_size=12),
    rows_per_part=st.integers(1, 5),
    again_per_part=st.integers(1, 5),
)
def test_what_is_kept_and_what_is_rejected_are_together_all_rows_again(
    verdicts: list[str], rows_per_part: int, again_per_part: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    workspace = Workspace(str(tmp_path_factory.mktemp("workspace")))
    folder = write_folder(workspace, verdicts, rows_per_part)
    rows = workspace.read(json.dumps([folder, f"{folder}/rejected"]), Question)
    assert len(rows) == len(verdicts)
    read = [row for slice_ in rows.slices(again_per_part) for row in rows.read(slice_)]
    assert sorted(ids(read), key=int) == [str(number) for number in range(len(verdicts))]
    for reason in {*verdicts} - {""}:
        wanted = [str(number) for number, verdict in enumerate(verdicts) if verdict == reason]
        assert ids(list(workspace.read(f"{folder}/rejected/{reason}", Question))) == wanted
