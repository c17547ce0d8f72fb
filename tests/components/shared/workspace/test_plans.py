from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.config import option
from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace, planning
from components.shared.workspace._descriptions import Input
from components.shared.workspace.manifests import MANIFEST, read_manifest
from components.shared.workspace.planning import command_of
from components.shared.workspace.plans import PLAN, read_plan_or_none
from tests.components.shared import slow_filter
from tests.components.shared.sample_folders import (
    SampleConfig,
    change_json,
    create_folder,
    fingerprint_of,
)
from tests.components.shared.slow_filter import SlowFilterConfig
from tests.conftest import WriteRows
from tests.stores import Store


@pytest.fixture
def workspace(store: Store) -> Workspace:
    """Return one on each kind of store."""
    return Workspace(store.uri)


@dataclass(frozen=True, kw_only=True)
class ChatConfig(SampleConfig):
    """A step that talks to a chat model."""

    chat_template: str = option("chatml", help="chat family")


_CHANGES: dict[str, Any] = {"name": "y", "count": 4, "share": 0.25, "keep": False}


@settings(max_examples=15)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    count=st.integers(),
    num_gpus=st.integers(1, 8),
    rows_per_part=st.integers(1, 99),
)
def test_the_same_work_has_the_same_address_on_any_hardware_and_in_any_place(
    name: str, count: int, num_gpus: int, rows_per_part: int
) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        first = SampleConfig(workspace=one, name=name, count=count)
        second = SampleConfig(
            workspace=other, name=name, count=count, num_gpus=num_gpus,
            rows_per_part=rows_per_part,
        )  # fmt: skip
        assert fingerprint_of(first) == fingerprint_of(second)


@given(st.sets(st.sampled_from(sorted(_CHANGES)), min_size=1))
def test_any_option_that_changes_the_rows_changes_the_address(names: set[str]) -> None:
    with TemporaryDirectory() as place:
        config = SampleConfig(workspace=place)
        changed = dataclasses.replace(config, **{name: _CHANGES[name] for name in names})
        assert fingerprint_of(config) != fingerprint_of(changed)


def test_a_new_version_of_a_step_has_another_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = SampleConfig(workspace=str(tmp_path))
    before = fingerprint_of(config)
    monkeypatch.setattr(SampleConfig, "VERSION", 2)
    assert fingerprint_of(config) != before


def test_another_text_of_a_prompt_has_another_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = tmp_path / "prompt.txt"
    monkeypatch.setattr(SampleConfig, "PROMPTS", (prompt,))
    config = SampleConfig(workspace=str(tmp_path / "w"))
    addresses = set()
    for text in ("# source: here\none", "# source: here\ntwo", "# source: here\none"):
        prompt.write_text(text)
        addresses.add(fingerprint_of(config))
    assert len(addresses) == 2


def test_another_text_of_the_chosen_chat_family_has_another_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "template_file", lambda name: tmp_path / f"{name}.yaml")
    addresses = set()
    for family, text in (("chatml", "one"), ("llama3", "one"), ("chatml", "two"), ("chatml", "one")):
        (tmp_path / f"{family}.yaml").write_text(text)
        addresses.add(fingerprint_of(ChatConfig(workspace=str(tmp_path / "w"), chat_template=family)))
    assert len(addresses) == 3


def test_a_whole_number_given_for_a_number_is_the_same_work(tmp_path: Path) -> None:
    one = fingerprint_of(SampleConfig(workspace=str(tmp_path), share=1))
    assert one == fingerprint_of(SampleConfig(workspace=str(tmp_path), share=1.0))


def test_the_command_that_would_finish_a_folder_gives_what_is_no_default(tmp_path: Path) -> None:
    config = SampleConfig(workspace=str(tmp_path), count=7)
    assert command_of(config) == f"python -m components.shared --workspace {tmp_path} --count 7"


def test_an_input_counts_by_what_made_it_not_by_where_it_stands(tmp_path: Path, write_questions: WriteRows) -> None:
    here, there = (Workspace(str(tmp_path / name)) for name in ("here", "there"))
    first, copy = (write_questions(place, ["a", "b"]) for place in (here, there))
    other = write_questions(there, ["a", "c"])

    assert first != copy
    assert fingerprint_of(SampleConfig(workspace=here.uri, questions=first)) == fingerprint_of(
        SampleConfig(workspace=there.uri, questions=copy)
    )
    assert fingerprint_of(SampleConfig(workspace=here.uri, questions=first)) != fingerprint_of(
        SampleConfig(workspace=here.uri, questions=other)
    )


def test_files_that_are_no_folder_of_ours_count_by_content(tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    config = SampleConfig(workspace=str(tmp_path / "w"), questions=str(data))
    data.write_text("one")
    first = fingerprint_of(config)
    data.write_text("two")
    second = fingerprint_of(config)
    data.write_text("one")
    assert fingerprint_of(config) == first != second


@pytest.mark.parametrize("uri", [f"hf://org/name@{'0a' * 20}", "package:a@0.1", "random:1", "reasoning-gym:gcd@0.1.2"])
def test_what_is_no_path_counts_by_its_address(tmp_path: Path, uri: str) -> None:
    config = SampleConfig(workspace=str(tmp_path), questions=uri)
    folder = Workspace(str(tmp_path)).open(config).begin_rows(Question, [])
    assert folder.claim.plan.inputs == {"questions": (Input(uri=uri, fingerprint=f"address:{uri}"),)}


@pytest.mark.parametrize(
    ("uri", "step"),
    [("hf://org/name@main", "import_model"), ("hf://datasets/org/name@v1/a.jsonl", "import_questions")],
)
def test_a_branch_of_the_hub_is_no_input_because_it_may_move(tmp_path: Path, uri: str, step: str) -> None:
    config = SampleConfig(workspace=str(tmp_path / "w"), questions=uri)
    with pytest.raises(InputError, match=rf"import it first \(python -m components\.{step} .*, or name a commit"):
        Workspace(config.workspace).open(config)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["no/such/folder", "nosuch.jsonl"])
def test_a_path_where_nothing_stands_is_an_input_error_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    config = SampleConfig(workspace=str(tmp_path / "w"), questions=str(tmp_path / name))
    with pytest.raises(InputError, match=r"--questions '.*': nothing exists there; check the address"):
        Workspace(config.workspace).open(config).begin_rows(Question, [])
    assert list(tmp_path.iterdir()) == []


def test_the_log_says_what_keeps_a_folder_from_being_reused(
    workspace: Workspace, write_questions: WriteRows, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    one, two = write_questions(workspace, ["a"]), write_questions(workspace, ["b"])
    workspace.open(SampleConfig(workspace=workspace.uri, questions=one)).begin_rows(Question, [])
    workspace.open(SampleConfig(workspace=workspace.uri, questions=two, count=5)).begin_rows(Question, [])
    assert "cannot be reused, it differs in --count 3, now 5; input --questions ['" in caplog.text


def test_a_plan_that_stands_decides_how_rows_are_cut(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, [str(n) for n in range(10)])
    config = SlowFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=4)
    first = workspace.open(config).begin_rows(Question, workspace.read(questions, Question).slices(4))

    folder = slow_filter.run(dataclasses.replace(config, rows_per_part=7), workspace)

    assert folder == first.uri
    assert [part.rows for part in read_manifest(folder).parts] == [3, 4, 2]
    assert [row.id for row in workspace.read(folder, Question)] == [f"q{n}" for n in range(10) if n != 3]


@pytest.mark.parametrize(("texts", "rows_per_part"), [("abcd", 3), ("abce", 2)])
def test_an_input_that_was_made_again_otherwise_is_not_mixed_into_a_half_done_folder(
    workspace: Workspace, write_questions: WriteRows, texts: str, rows_per_part: int
) -> None:
    questions = write_questions(workspace, list("abcd"), rows_per_part=2)
    config = SlowFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=2)
    half_done = workspace.open(config).begin_rows(Question, workspace.read(questions, Question).slices(2))
    then = read_manifest(questions).content
    _make_again(workspace, write_questions, questions, list(texts), rows_per_part)
    with pytest.raises(InputError) as raised:
        slow_filter.run(config, workspace)
    assert str(raised.value) == (
        f"{half_done.uri} is unfinished, and --questions {questions} was made again since, with other parts "
        f"(content {then} then, {read_manifest(questions).content} now); delete {half_done.uri} and start again, or "
        "use another workspace"
    )
    storage.delete_folder(half_done.uri)
    assert slow_filter.run(config, workspace) == half_done.uri


def test_a_finished_folder_stays_what_it_is_though_its_input_was_made_again(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, list("abcd"), rows_per_part=2)
    config = SlowFilterConfig(workspace=workspace.uri, questions=questions, rows_per_part=2)
    finished = slow_filter.run(config, workspace)
    before = read_manifest(finished)
    _make_again(workspace, write_questions, questions, list("abcd"), 3)
    assert slow_filter.run(config, workspace) == finished
    assert read_manifest(finished) == before


def _make_again(
    workspace: Workspace, write_questions: WriteRows, folder: str, texts: list[str], rows_per_part: int
) -> None:
    """Put other parts in a folder's place, under the same fingerprint, as a GPU or another ``rows_per_part`` would."""
    fingerprint = read_manifest(folder).fingerprint
    storage.delete_folder(folder)
    other = write_questions(workspace, texts, rows_per_part=rows_per_part)
    for name in storage.list_files(other) if other != folder else ():
        storage.create(storage.join(folder, name), storage.read_bytes(storage.join(other, name)))
    change_json(storage.join(folder, MANIFEST), lambda manifest: manifest | {"fingerprint": fingerprint})


def test_rows_with_other_columns_are_not_continued(workspace: Workspace) -> None:
    plan = storage.join(create_folder(workspace, 1, 1).uri, PLAN)
    change_json(plan, lambda content: content | {"columns": content["columns"][:-1]})
    with pytest.raises(InputError, match=r"was started by another version of this step.*finish it with that version"):
        create_folder(workspace, 1, 1)


def test_a_plan_in_a_folder_is_written_as_it_always_was(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, ["a", "b"], rows_per_part=1)
    config = SampleConfig(workspace=workspace.uri, questions=questions)
    rows = workspace.read(questions, Question)
    folder = workspace.open(config, rows).begin_rows(Question, rows.slices(1), units_per_row=3)
    manifest, content = read_manifest(questions), storage.read_json(storage.join(folder.uri, PLAN))
    assert list(content) == [
        "format", "step", "version", "fingerprint", "kind", "columns", "options", "inputs", "prompts", "rows_in",
        "units_per_row", "slices", "command", "code_version",
    ]  # fmt: skip
    entry = {
        "uri": questions, "fingerprint": manifest.fingerprint, "kind": "question", "rows": 2,
        "content": manifest.content,
    }  # fmt: skip
    assert content["inputs"] == {"questions": [entry]}
    assert (content["rows_in"], content["slices"]) == (6, [[0, 0, 0, 1], [0, 1, 0, 1]])
    assert content["columns"][:2] == ["id: string", "question: string"]
    assert read_plan_or_none(folder.uri) == folder.claim.plan


def test_an_input_of_an_older_plan_may_lack_its_content(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, ["a"])
    folder = workspace.open(SampleConfig(workspace=workspace.uri, questions=questions)).begin_rows(Question, [])
    older = [{"uri": questions, "fingerprint": read_manifest(questions).fingerprint, "kind": "question", "rows": 1}]
    change_json(storage.join(folder.uri, PLAN), lambda content: content | {"inputs": {"questions": older}})
    plan = read_plan_or_none(folder.uri)
    assert plan is not None
    (entry,) = plan.inputs["questions"]
    assert (entry.content, entry.to_json()) == ("", older[0])


@pytest.mark.parametrize("cut", [[0, 0, 1], [0, 0, 0, "all"], 7])
def test_a_plan_whose_slices_are_none_is_refused_with_what_to_do(tmp_path: Path, cut: Any) -> None:
    uri = create_folder(Workspace(str(tmp_path)), 1, 1).uri
    change_json(storage.join(uri, PLAN), lambda content: content | {"slices": [cut]})
    with pytest.raises(InputError) as raised:
        read_plan_or_none(uri)
    assert str(raised.value) == (
        f"{uri}/{PLAN} has {cut!r} among 'slices': it was changed, or another version wrote it; use the version that "
        "did, or delete the folder and run its step again"
    )
