from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from components.shared.stores import storage
from components.shared.stores.retries import LIMIT_VARIABLE
from components.shared.upkeep.garbage import survey
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace import Workspace, _gathered_ledgers
from components.shared.workspace._gathered_ledgers import GATHERED
from components.shared.workspace.ledgers import Ledger, read_ledgers
from components.shared.workspace.manifests import Manifest, read_manifest
from components.shared.workspace.output_folders import OutputFolder
from components.shared.workspace.plans import part_name
from tests.components.shared.other_processes import as_process, dead_name
from tests.components.shared.sample_folders import create_folder, settle, write_folder
from tests.fault_proxy import FaultyStore
from tests.stores import Store

pytestmark = pytest.mark.slow

PARTS = 20


@pytest.fixture(autouse=True)
def by_four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gather four parts at a time."""
    monkeypatch.setattr(_gathered_ledgers, "AT_ONCE", 4)


def write_some(workspace: str, count: int) -> OutputFolder:
    """Write so many parts, as a process that is killed then."""
    with as_process(dead_name()):
        folder = create_folder(Workspace(workspace), PARTS, 1)
    for part in islice(folder.missing_parts(), count):
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
    assert not any(storage.list_files(storage.join(folder.uri, GATHERED)).values())
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


def test_many_pods_of_few_parts_leave_copies_and_the_one_that_finishes_asks_for_none_of_them(
    faulty_store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_gathered_ledgers, "AT_ONCE", 100)
    pods = 4
    for _ in range(pods - 1):
        write_some(faulty_store.uri, PARTS // pods).finish()
    last = write_some(faulty_store.uri, PARTS // pods)
    assert len(storage.list_names(storage.join(last.uri, GATHERED))) == pods - 1
    faulty_store.proxy.calls.clear()
    last.finish()
    assert faulty_store.proxy.calls["GET"] < 10, "three copies and some listings"
    assert not any(storage.list_files(storage.join(last.uri, GATHERED)).values())
    assert verify_folder(last.uri).sound


def test_who_looks_often_reads_the_copies_where_they_are_fewer_than_the_new_parts(
    faulty_store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = write_some(faulty_store.uri, 12)
    other = write_some(faulty_store.uri, 8)
    read = list[str]()
    read_json = storage.read_json

    def read_copy(uri: str) -> Any:
        read.append("copy")
        return read_json(uri)

    def read_parts(uris: Sequence[str]) -> list[Ledger]:
        read.extend("footer" for _ in uris)
        return read_ledgers(uris)

    monkeypatch.setattr(storage, "read_json", read_copy)
    monkeypatch.setattr("components.shared.workspace._gathered_ledgers.read_ledgers", read_parts)
    names = [part_name(number) for number in range(PARTS)]
    assert [*own.ledgers.standing(but=names[:12])] == names[12:], "its own parts are no reason to read each footer"
    assert read == ["copy"] * 5
    read.clear()
    assert [*other.ledgers.standing(but=names[2:])] == names[:2]
    assert read == ["footer"] * 2, "not five copies"
    read.clear()
    assert [*own.ledgers.standing(but=names[2:])] == names[:2]
    assert read == []


def test_who_finishes_while_another_pod_has_finished_and_cleared_the_copies_is_content(
    remote_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast, slow = (write_some(remote_store.uri, PARTS // 2) for _ in range(2))
    original = storage.list_names

    def list_late(uri: str) -> list[str]:
        names = original(uri)
        if uri.endswith(GATHERED):
            monkeypatch.setattr(storage, "list_names", original)
            fast.finish()
        return names

    monkeypatch.setattr(storage, "list_names", list_late)
    assert slow.finish() == fast.uri
    assert not any(storage.list_files(storage.join(fast.uri, GATHERED)).values())
    assert verify_folder(fast.uri).sound


def test_copies_that_are_written_behind_the_manifest_do_not_stay(
    remote_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = write_some(remote_store.uri, PARTS // 2)
    copy = late.ledgers.copy

    def copy_late() -> None:
        write_some(remote_store.uri, PARTS // 2).finish()
        copy()

    monkeypatch.setattr(late.ledgers, "copy", copy_late)
    late.finish()
    assert not any(storage.list_files(storage.join(late.uri, GATHERED)).values())
    assert verify_folder(late.uri).sound


@pytest.mark.parametrize("content", ["[]", "{half", '{"part-00000.parquet": 1}', "other ledgers", "no digest"])
def test_copies_of_another_version_do_not_count(s3_store: Store, content: str) -> None:
    folder = write_some(s3_store.uri, PARTS)
    place = storage.join(folder.uri, GATHERED)
    for name in storage.list_names(place):
        copies = storage.read_json(storage.join(place, name))
        for copy in copies.values():
            copy["ledger"]["rows_kept" if content == "other ledgers" else "rows_in"] = 7
            copy.pop("md5" if content == "no digest" else "", None)
        storage.delete_object(storage.join(place, name))
        text = content if content[0] in "[{" else json.dumps(copies)
        storage.create(storage.join(place, name), text.encode())
    create_folder(Workspace(s3_store.uri), PARTS, 1).finish()
    assert verify_folder(folder.uri).sound


@pytest.mark.parametrize("kind", ["403", "503"])
def test_copies_that_the_store_does_not_take_cost_no_step_its_end(
    faulty_store: FaultyStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    caplog.set_level("INFO")
    folder = create_folder(Workspace(faulty_store.uri), 5, 1)
    for part in folder.missing_parts():
        if part.number == 3:
            original = storage.create_json

            def refused(uri: str, value: Any, create: Callable[[str, Any], None] = original) -> None:
                faulty_store.proxy.kinds, faulty_store.proxy.share = (kind,), 1.0
                monkeypatch.setattr(storage, "create_json", create)
                monkeypatch.setenv(LIMIT_VARIABLE, "1")
                create(uri, value)

            monkeypatch.setattr(storage, "create_json", refused)
        settle(part, 0)
        faulty_store.proxy.share = 0.0
        monkeypatch.delenv(LIMIT_VARIABLE, raising=False)
    assert "the ledgers of 4 parts are not copied: " in caplog.text
    assert verify_folder(folder.finish()).sound


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
