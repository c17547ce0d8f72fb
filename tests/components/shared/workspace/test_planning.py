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
from components.shared.workspace import Workspace, planning
from components.shared.workspace._descriptions import Input
from components.shared.workspace.planning import command_of
from tests.components.shared.sample_folders import (
    SampleConfig,
    fingerprint_of,
)
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


def test_what_looks_like_a_name_on_the_hub_is_told_how_to_be_written(tmp_path: Path) -> None:
    config = SampleConfig(workspace=str(tmp_path / "w"), questions="Qwen/Qwen2-Math-7B-Instruct")
    with pytest.raises(
        InputError, match=r"check the address, or write hf://Qwen/Qwen2-Math-7B-Instruct@main for a model"
    ):
        Workspace(config.workspace).open(config)


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
