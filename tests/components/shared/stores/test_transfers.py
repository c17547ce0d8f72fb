from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any, cast

import google_crc32c
import pytest
from aiohttp import web

from components.shared.errors import InputError, UnavailableError
from components.shared.stores import _gs_uploads, _partial_files, storage, transfers
from components.shared.stores._parallel import PART_BYTES
from components.shared.stores.retries import LIMIT_VARIABLE
from tests.fault_proxy import FaultyStore, fault_proxy, new_clients
from tests.stores import Store

pytestmark = pytest.mark.slow

LARGE = PART_BYTES + 12345  # two parts, and two ranges


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A local folder of a large file, small ones and an empty one."""
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "large.bin").write_bytes(os.urandom(LARGE))
    (folder / "sub" / "small.bin").write_bytes(b"small")
    (folder / "empty.bin").write_bytes(b"")
    return folder


def test_a_large_file_travels_by_parts_both_ways(store: Store, folder: Path, tmp_path: Path) -> None:
    transfers.upload_folder(folder, store.uri)
    transfers.download_folder(store.uri, tmp_path / "copy", _digests(folder))
    transfers.download_folder(store.uri, tmp_path / "copy_without_digests")

    assert storage.list_files(store.uri) == transfers.local_files(folder)
    for copy in ("copy", "copy_without_digests"):
        assert _digests(tmp_path / copy) == _digests(folder), "and no file of an unfinished download beside them"
    if store.uri.startswith("s3"):
        (info,) = storage.filesystem(store.uri).ls(storage.join(store.uri, "large.bin"), detail=True)
        assert info["ETag"].strip('"').endswith("-2"), "two parts"


def test_a_new_object_is_written_once_and_its_digest_is_that_of_what_stands(store: Store, folder: Path) -> None:
    uri, file = storage.join(store.uri, "new", "large.bin"), folder / "large.bin"
    digest = storage.digest_file(file)
    assert transfers.create_file(file, uri) == digest
    assert storage.list_files(store.uri) == {"new/large.bin": LARGE}
    for later in (folder / "sub" / "small.bin", b"small"):
        assert transfers.create_file(later, uri) == digest
    with storage.open_read(uri) as standing:
        assert standing.read() == file.read_bytes()


def test_files_come_whole_or_not_at_all(store: Store, folder: Path) -> None:
    (folder / "large.bin").unlink()
    (folder / "sub" / "small.bin").write_bytes(b"first, and longer")
    transfers.upload_folder(folder, store.uri)
    (folder / "sub" / "small.bin").write_bytes(b"second")
    transfers.upload_folder(folder, store.uri)
    assert storage.read_bytes(storage.join(store.uri, "sub", "small.bin")) == b"second"


def test_without_replace_what_stands_in_its_size_is_left_alone(store: Store, folder: Path) -> None:
    (folder / "large.bin").unlink()
    transfers.upload_folder(folder, store.uri)
    (folder / "sub" / "small.bin").write_bytes(b"SMALL")
    (folder / "empty.bin").write_bytes(b"now longer: cut off the first time")
    transfers.upload_folder(folder, store.uri, replace=False)
    assert storage.read_bytes(storage.join(store.uri, "sub", "small.bin")) == b"small"
    assert storage.read_bytes(storage.join(store.uri, "empty.bin")) == b"now longer: cut off the first time"


@pytest.mark.parametrize("content", [b"smalL", b"sm", b"", None], ids=["changed", "truncated", "emptied", "missing"])
def test_a_file_that_is_another_one_in_the_store_is_named(
    store: Store, folder: Path, tmp_path: Path, content: bytes | None
) -> None:
    (folder / "large.bin").unlink()
    digests, file = _digests(folder), folder / "sub" / "small.bin"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    transfers.upload_folder(folder, store.uri)
    with pytest.raises(InputError, match=r"sub/small\.bin is not the file that its manifest names \(SHA-256"):
        transfers.download_folder(store.uri, tmp_path / "copy", digests)
    assert not (tmp_path / "copy" / "sub" / "small.bin").exists()


def test_only_the_ranges_that_a_death_left_missing_are_read_again(
    faulty_store: FaultyStore, folder: Path, tmp_path: Path
) -> None:
    transfers.upload_folder(folder, faulty_store.uri)
    started = _partial_files.PartialFile(_in(tmp_path / "copy", "large.bin"), LARGE)
    started.write(0, (folder / "large.bin").read_bytes()[slice(*started.bounds(0))])
    before = faulty_store.proxy.bytes_read

    transfers.download_folder(faulty_store.uri, tmp_path / "copy", _digests(folder))

    assert _digests(tmp_path / "copy") == _digests(folder)
    assert faulty_store.proxy.bytes_read - before < LARGE - _partial_files.RANGE_BYTES + 10_000


def test_what_was_left_and_is_wrong_is_fetched_once_more(store: Store, folder: Path, tmp_path: Path) -> None:
    transfers.upload_folder(folder, store.uri)
    started = _partial_files.PartialFile(_in(tmp_path / "copy", "large.bin"), LARGE)
    started.write(0, bytes(_partial_files.RANGE_BYTES))

    transfers.download_folder(store.uri, tmp_path / "copy", _digests(folder))

    assert _digests(tmp_path / "copy") == _digests(folder)


def test_a_whole_file_that_was_left_is_trusted_as_far_as_its_digest_goes(
    store: Store, folder: Path, tmp_path: Path
) -> None:
    transfers.upload_folder(folder, store.uri)
    _in(tmp_path / "copy" / "sub", "small.bin").write_bytes(b"SMALL")
    _in(tmp_path / "copy", "large.bin").write_bytes((folder / "large.bin").read_bytes())
    transfers.download_folder(store.uri, tmp_path / "copy", _digests(folder))
    assert _digests(tmp_path / "copy") == _digests(folder)


def test_after_one_request_was_given_up_the_clients_others_end_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "0")
    retries, calls = _gs_uploads._Retries("gs://bucket/x"), []

    def never() -> None:
        calls.append(1)
        raise ConnectionError("refused")

    for _ in range(100):
        with pytest.raises(UnavailableError, match="a request of the upload of gs://bucket/x was tried 3 times"):
            retries(never)()
    assert len(calls) == 3


def test_folders_travel_through_a_store_that_answers_wrongly(
    faulty_store: FaultyStore, folder: Path, tmp_path: Path
) -> None:
    for number in range(20):
        (folder / f"{number}.bin").write_bytes(os.urandom(1000))
    faulty_store.proxy.share, faulty_store.proxy.delay_seconds = 0.2, 0.1
    transfers.upload_folder(folder, faulty_store.uri)
    transfers.download_folder(faulty_store.uri, tmp_path / "copy", _digests(folder))
    assert faulty_store.proxy.faults.total() > 0
    assert _digests(tmp_path / "copy") == _digests(folder)


def test_a_byte_that_changes_on_its_way_into_a_store_is_noticed_and_sent_again(
    faulty_store: FaultyStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pass_on = faulty_store.proxy._pass_on
    changed: list[str] = []

    async def change(request: web.Request, body: bytes) -> web.Response:
        if len(body) > 2**20 and not changed:
            changed.append(request.path)
            body = body[:1000] + bytes([body[1000] ^ 1]) + body[1001:]
        return await pass_on(request, body)

    monkeypatch.setattr(faulty_store.proxy, "_pass_on", change)
    transfers.upload_folder(folder, faulty_store.uri)
    assert changed
    large = storage.join(faulty_store.uri, "large.bin")
    assert storage.read_bytes(large) == (folder / "large.bin").read_bytes()


def test_an_upload_arrives_though_the_first_answer_to_each_of_its_requests_is_lost(
    faulty_store: FaultyStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pass_on, lost = faulty_store.proxy._pass_on, set()

    async def lose(request: web.Request, body: bytes) -> web.Response:
        answer = await pass_on(request, body)
        call = (request.method, request.path, request.query.get("partNumber"), "uploads" in request.query)
        if request.method not in ("POST", "PUT") or call in lost:
            return answer
        lost.add(call)
        return web.Response(status=503)

    monkeypatch.setattr(faulty_store.proxy, "_pass_on", lose)
    transfers.upload_folder(folder, faulty_store.uri)
    assert len(lost) >= 2
    assert storage.list_files(faulty_store.uri) == transfers.local_files(folder)


@pytest.mark.parametrize("name", ["large.bin", "sub/small.bin"])
def test_a_store_that_never_answers_ends_a_transfer_in_one_message(
    faulty_store: FaultyStore, folder: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in _digests(folder).keys() - {name}:
        (folder / other).unlink()
    transfers.upload_folder(folder, faulty_store.uri)
    monkeypatch.setenv(LIMIT_VARIABLE, "0.5")
    faulty_store.proxy.share, faulty_store.proxy.kinds = 1, ("503",)
    with pytest.raises(UnavailableError, match=rf"{name} .*was tried \d+ times .* 503"):
        transfers.upload_folder(folder, faulty_store.uri)
    with pytest.raises(UnavailableError, match=r"was tried \d+ times .* 503"):
        transfers.download_folder(faulty_store.uri, tmp_path / "copy")


def test_a_bucket_that_does_not_exist_is_named(
    gs_environment: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # an S3 server of ours would make it
    for name, value in gs_environment.items():
        monkeypatch.setenv(name, value)
    (folder / "large.bin").unlink()
    with new_clients(), pytest.raises(InputError, match=r"gs://no-such-bucket/x/.*: its bucket does not exist; make"):
        transfers.upload_folder(folder, "gs://no-such-bucket/x")


def test_cloud_storage_takes_a_large_file_by_parts(
    s3_environment: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's XML API is S3's but for the checksums in its answers: here it is SeaweedFS, and they are added."""
    for name, value in s3_environment.items():
        monkeypatch.setenv(name, value)
    storage.filesystem("s3://open").mkdir("open")
    with fault_proxy(s3_environment["AWS_ENDPOINT_URL"], share=0) as proxy, new_clients():
        pass_on, crc32c = proxy._pass_on, cast(Any, google_crc32c)

        async def with_checksum(request: web.Request, body: bytes) -> web.Response:
            answer = await pass_on(request, body)
            checksum = crc32c.value(body).to_bytes(4, "big")
            answer.headers["X-Goog-Hash"] = f"crc32c={base64.b64encode(checksum).decode()}"
            return answer

        monkeypatch.setattr(proxy, "_pass_on", with_checksum)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        _gs_uploads.upload_file(folder / "large.bin", "gs://open/folder/large.bin")
        assert (proxy.calls["POST"] >= 2, proxy.calls["PUT"] >= 2) == (True, True), "beginning, two parts, end"

    info: dict[str, Any] = storage.filesystem("s3://open").info("s3://open/folder/large.bin")
    assert (info["size"], info["ETag"].strip('"')[-2:]) == (LARGE, "-2")
    assert storage.read_bytes("s3://open/folder/large.bin") == (folder / "large.bin").read_bytes()


def _digests(folder: Path) -> dict[str, str]:
    return {name: storage.digest_file(folder / name) for name in transfers.local_files(folder)}


def _in(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name
