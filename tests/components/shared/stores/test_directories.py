"""Several processes write, and remove, one directory at the same moment."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import InputError
from components.shared.stores import _directories, storage

ROUNDS = 25


def test_all_who_remove_one_folder_at_once_are_content_and_nothing_is_left(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        folder = tmp_path / str(number)
        for name in range(30):
            (folder / str(name % 3)).mkdir(parents=True, exist_ok=True)
            (folder / str(name % 3) / f"{name}.json").touch()
        _at_once(*[lambda folder=folder: storage.delete_folder(str(folder))] * 4)
        assert not folder.exists()


def test_marks_that_are_written_while_others_remove_their_folder_cost_nobody_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "tries"

    def write(writer: int) -> None:
        for number in range(ROUNDS):
            storage.create_json(str(folder / f"{writer}-{number}.json"), {})

    def remove() -> None:
        for _ in range(ROUNDS):
            storage.delete_folder(str(folder))

    _at_once(lambda: write(0), remove, lambda: write(1), remove)
    storage.delete_folder(str(folder))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("module", "name"), [(Path, "mkdir"), (tempfile, "mkstemp"), (Path, "open"), (os, "link")])
@pytest.mark.parametrize("before", [True, False])
def test_a_file_is_written_though_its_folder_goes_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, before: bool
) -> None:
    original, folder = getattr(module, name), tmp_path / "above" / "tries"

    def go() -> None:
        monkeypatch.undo()
        shutil.rmtree(folder.parent, ignore_errors=True)

    def interrupted(*arguments: Any, **options: Any) -> Any:
        if before:
            go()
        result = original(*arguments, **options)
        if not before:
            go()
        return result

    monkeypatch.setattr(module, name, interrupted)
    storage.create(str(folder / "mark"), b"begun")
    # Removed right behind the link, it was there: whoever removes a folder removes what stands in it.
    assert [path.read_bytes() for path in folder.rglob("*")] == (
        [] if (name, before) == ("link", False) else [b"begun"]
    )


def test_who_finds_a_folder_that_is_gone_at_once_makes_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.mkdir

    def lost(path: Path, *_: Any, **options: Any) -> None:
        monkeypatch.setattr(Path, "mkdir", original)
        raise FileExistsError(path)  # what is left of a race with one who makes it and one who removes it

    monkeypatch.setattr(Path, "mkdir", lost)
    storage.create(str(tmp_path / "tries" / "mark"), b"begun")
    assert (tmp_path / "tries" / "mark").read_bytes() == b"begun"


def test_a_folder_that_can_never_be_made_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="cannot be made, or is always removed"):
        storage.create(str(tmp_path / "link" / "x"), b"")


def test_what_a_link_points_to_is_not_removed(tmp_path: Path) -> None:
    storage.create(str(tmp_path / "kept" / "x"), b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "kept")
    _directories.remove_tree(tmp_path / "folder")
    assert [path.name for path in tmp_path.rglob("*")] == ["kept", "x"]


def _at_once(*works: Callable[[], object]) -> None:
    """Do all of it, beginning at one moment; raise what any of it raises."""
    barrier = threading.Barrier(len(works))

    def do(work: Callable[[], object]) -> None:
        barrier.wait()
        work()

    with ThreadPoolExecutor(len(works)) as threads:
        list(threads.map(do, works))
