from __future__ import annotations

from pathlib import Path

import pytest

from components.shared import gathered_ledgers, storage
from components.shared.garbage import survey
from components.shared.gathered_ledgers import GATHERED
from components.shared.manifests import Manifest, part_name, read_manifest
from components.shared.output_folders import OutputFolder
from components.shared.verification import verify_folder
from components.shared.workspace import Workspace
from tests.components.shared.sample_folders import create_folder, settle, write_folder
from tests.fault_proxy import FaultyStore
from tests.stores import Store

PARTS = 20


@pytest.fixture(autouse=True)
def by_four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gather four parts at a time."""
    monkeypatch.setattr(gathered_ledgers, "AT_ONCE", 4)


def write_some(workspace: str, count: int) -> OutputFolder:
    """Write so many parts, as a process that is killed then."""
    folder = create_folder(Workspace(workspace), PARTS, 1)
    for part, _ in zip(folder.missing_parts(), range(count), strict=False):
        settle(part, 0, "odd" if part.number % 2 else "")
    return folder


def timeless(manifest: Manifest) -> tuple[object, ...]:
    return manifest.parts, manifest.rejected, manifest.rows_in, manifest.rows_out


def test_who_finishes_a_folder_asks_for_few_parts_and_writes_the_same_manifest(
    faulty_store: FaultyStore, tmp_path: Path
) -> None:
    undisturbed = write_folder(Workspace(str(tmp_path)), ["", "odd"] * (PARTS // 2), 1)
    folder = write_some(faulty_store.uri, PARTS - 1)
    assert len(storage.list_names(storage.join(folder.uri, GATHERED))) == 4

    successor = write_some(faulty_store.uri, PARTS)
    faulty_store.proxy.calls.clear()
    successor.finish()

    assert faulty_store.proxy.calls["GET"] < PARTS, "four copies and three footers, the plan's neighbours and listings"
    assert timeless(read_manifest(folder.uri)) == timeless(read_manifest(undisturbed))
    assert storage.list_names(storage.join(folder.uri, GATHERED)) == []
    assert verify_folder(folder.uri).sound


def test_a_copy_of_a_part_that_was_made_again_does_not_count(remote_store: Store) -> None:
    folder = write_some(remote_store.uri, PARTS)
    storage.delete_object(storage.join(folder.uri, part_name(1)))
    again = create_folder(Workspace(remote_store.uri), PARTS, 1)
    (part,) = again.missing_parts()
    settle(part, 0)
    create_folder(Workspace(remote_store.uri), PARTS, 1).finish()
    assert read_manifest(folder.uri).rejected == {"odd": PARTS // 2 - 1}
    assert verify_folder(folder.uri).sound


def test_copies_that_were_left_are_explained(remote_store: Store) -> None:
    folder = write_some(remote_store.uri, PARTS)
    uri = storage.join(folder.uri, GATHERED)
    copy = storage.list_names(uri)[0]
    content = storage.read_bytes(storage.join(uri, copy))
    folder.finish()
    storage.create(storage.join(uri, copy), content)  # as where deletion is forbidden
    assert verify_folder(folder.uri).sound
    findings = survey(remote_store.uri, keep=[folder.uri], min_age_hours=0)
    (found,) = [each for each in findings if GATHERED in each.object.name]
    assert (found.status, found.reason) == ("garbage", "copies of ledgers; the folder is finished")


def test_on_a_directory_nothing_is_copied(tmp_path: Path) -> None:
    folder = write_some(str(tmp_path), PARTS)
    assert not Path(folder.uri, GATHERED).exists()
    assert verify_folder(create_folder(Workspace(str(tmp_path)), PARTS, 1).finish()).sound


def test_a_listing_says_which_content_stands_there(store: Store) -> None:
    storage.create(storage.join(store.uri, "a"), b"content")
    storage.create(storage.join(store.uri, "b", "c"), b"content")
    expected = "9a0364b9e99bb480dd25e1f0284c8555" if storage.is_remote(store.uri) else ""
    assert storage.list_md5s(store.uri) == {"a": expected, "b": ""}
