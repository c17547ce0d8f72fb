from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.errors import InputError
from components.shared.records import FailRate, Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import PartEntry
from components.shared.workspace.rows import Rows
from tests.conftest import WriteRows
from tests.stores import Store


@pytest.fixture
def workspace(store: Store) -> Workspace:
    """Return one on each kind of store."""
    return Workspace(store.uri)


@given(
    inputs=st.lists(st.lists(st.integers(0, 40), max_size=5), max_size=3),
    rows_per_part=st.integers(0, 50),
)
def test_slices_hold_every_row_once_in_order_and_never_cross_a_part(
    inputs: list[list[int]], rows_per_part: int
) -> None:
    rows = Rows([], Question)
    rows.parts = tuple([PartEntry(name=str(p), rows=n, digest="") for p, n in enumerate(parts)] for parts in inputs)

    slices = rows.slices(rows_per_part)

    covered = [(s.input, s.part, row) for s in slices for row in range(s.start, s.stop)]
    everything = [(i, p, row) for i, parts in enumerate(inputs) for p, n in enumerate(parts) for row in range(n)]
    assert covered == everything
    assert all(len(s) <= (rows_per_part or 40) for s in slices)
    if rows_per_part:
        assert all(slices), "empty parts have no slice"
    else:
        assert len(slices) == sum(map(len, inputs)), "part numbers stay the same"


def test_an_input_part_is_read_once_for_all_its_slices(
    workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = workspace.read(write_questions(workspace, [str(n) for n in range(20)], rows_per_part=10), Question)
    read: list[str] = []
    original = storage.read_bytes

    def read_bytes(uri: str) -> bytes:
        read.append(uri)
        return original(uri)

    monkeypatch.setattr(storage, "read_bytes", read_bytes)

    texts = [row.question for slice_ in rows.slices(3) for row in rows.read(slice_)]

    assert texts == [str(n) for n in range(20)]
    assert len(read) == 2


def test_several_folders_are_read_one_after_the_other(workspace: Workspace, write_questions: WriteRows) -> None:
    folders = [write_questions(workspace, texts) for texts in (["a", "b"], ["c"])]
    rows = workspace.read(json.dumps(folders), Question)
    assert ([row.question for row in rows], len(rows)) == (["a", "b", "c"], 3)


def test_rows_of_another_kind_are_refused(workspace: Workspace, write_questions: WriteRows) -> None:
    with pytest.raises(InputError, match="holds question rows, made by given_rows; expected fail_rate rows"):
        workspace.read(write_questions(workspace, ["a"]), FailRate)


def test_a_part_that_was_deleted_is_named(workspace: Workspace, write_questions: WriteRows) -> None:
    folder = write_questions(workspace, ["a"])
    storage.delete_object(storage.join(folder, "part-00000.parquet"))
    with pytest.raises(InputError, match=r"part-00000.parquet is missing, though its folder's manifest lists it"):
        list(workspace.read(folder, Question))
