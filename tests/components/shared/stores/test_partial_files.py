from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.stores import _partial_files
from components.shared.stores._partial_files import PartialFile

CONTENT = bytes(range(25))


@pytest.fixture(autouse=True)
def ten_bytes_a_range(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_partial_files, "RANGE_BYTES", 10)


def test_ranges_in_any_order_make_the_file_which_has_its_name_only_then(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "model.bin"
    file = PartialFile(path, len(CONTENT))
    assert [_write(file, number) for number in (2, 0, 1)] == [False, False, True]
    assert not path.exists()
    file.finish()
    assert path.read_bytes() == CONTENT
    assert [each.name for each in path.parent.iterdir()] == ["model.bin"]


def test_what_was_written_before_a_death_is_not_missing_after_it(tmp_path: Path) -> None:
    _write(PartialFile(tmp_path / "x", len(CONTENT)), 1)
    again = PartialFile(tmp_path / "x", len(CONTENT))
    assert again.resumed
    assert again.missing == [0, 2]
    assert [_write(again, number) for number in again.missing] == [False, True]
    again.finish()
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert PartialFile(tmp_path / "x", len(CONTENT)).finished


def test_a_death_between_the_name_and_the_marks_removal_leaves_nothing(tmp_path: Path) -> None:
    file = PartialFile(tmp_path / "x", len(CONTENT))
    for number in file.missing:
        _write(file, number)
    file.data.replace(tmp_path / "x")
    assert PartialFile(tmp_path / "x", len(CONTENT)).missing == []
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("size", [21, 35], ids=["as many ranges", "other ranges"])
def test_marks_of_a_file_of_another_size_are_not_believed(tmp_path: Path, size: int) -> None:
    _write(PartialFile(tmp_path / "x", len(CONTENT)), 1)
    again = PartialFile(tmp_path / "x", size)
    assert not again.resumed
    assert len(again.missing) == -(-size // 10)


def test_marks_without_their_data_are_not_believed(tmp_path: Path) -> None:
    file = PartialFile(tmp_path / "x", len(CONTENT))
    _write(file, 1)
    file.data.unlink()
    assert PartialFile(tmp_path / "x", len(CONTENT)).missing == [0, 1, 2]


def test_an_empty_file_misses_nothing(tmp_path: Path) -> None:
    file = PartialFile(tmp_path / "x", 0)
    assert file.missing == []
    file.finish()
    assert (tmp_path / "x").read_bytes() == b""


@given(size=st.integers(1, 100))
def test_ranges_cover_a_file_once(tmp_path_factory: pytest.TempPathFactory, size: int) -> None:
    file = PartialFile(tmp_path_factory.mktemp("ranges") / "x", size)
    covered = [byte for number in file.missing for byte in range(*file.bounds(number))]
    assert covered == list(range(size))


def _write(file: PartialFile, number: int) -> bool:
    start, stop = file.bounds(number)
    return file.write(number, CONTENT[start:stop])
