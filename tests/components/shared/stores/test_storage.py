from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from components.shared.errors import InputError
from components.shared.stores import storage, transfers
from tests.components.shared.ordinary_user import ordinary_user
from tests.fault_proxy import new_clients
from tests.stores import READER, Store

WRITERS = 8
KEYS = 3  # SeaweedFS takes 2 s for each


def test_an_object_is_created_once_read_back_and_listed_fresh(store: Store) -> None:
    uri = storage.join(store.uri, "a", "x.json")

    assert storage.list_names(storage.join(store.uri, "a")) == []
    assert not storage.exists(uri)
    storage.create_json(uri, {"π": [1, 2.5]})
    with pytest.raises(FileExistsError):
        storage.create(uri, b"other")
    _write_behind_the_back(storage.join(store.uri, "a", "b", "y.bin"), b"123")

    assert storage.read_json(uri) == {"π": [1, 2.5]}
    assert storage.exists(uri)
    assert storage.exists(storage.join(store.uri, "a/"))
    assert storage.list_names(storage.join(store.uri, "a")) == ["b", "x.json"]
    assert storage.list_files(store.uri) == {"a/b/y.bin": 3, "a/x.json": 27}
    with storage.open_read(uri) as file:
        file.seek(2)
        assert file.read(3) == b' "\xcf'


def test_of_eight_writers_at_once_exactly_one_wins(store: Store) -> None:
    def attempt(uri: str, writer: int) -> int | None:
        try:
            storage.create(uri, b"%d" % writer * 1000)
        except FileExistsError:
            return None
        return writer

    with ThreadPoolExecutor(WRITERS) as threads:
        for key in range(KEYS):
            uri = storage.join(store.uri, "race", f"{key}.bin")
            results = list(threads.map(lambda writer, uri=uri: attempt(uri, writer), range(WRITERS)))
            (winner,) = [result for result in results if result is not None]
            assert storage.read_bytes(uri) == b"%d" % winner * 1000
    assert len(storage.list_names(storage.join(store.uri, "race"))) == KEYS


def test_an_object_beyond_a_clients_part_size_is_created_once_too(remote_store: Store) -> None:
    uri = storage.join(remote_store.uri, "large.bin")

    storage.create(uri, bytes(51 * 2**20))

    with pytest.raises(FileExistsError):
        storage.create(uri, b"1")
    assert storage.list_files(remote_store.uri) == {"large.bin": 51 * 2**20}


def test_folders_travel_both_ways_and_can_be_removed(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "a.txt").write_bytes(b"a")
    (source / "sub" / "b.txt").write_bytes(b"b")

    transfers.upload_folder(source, store.uri)
    transfers.upload_folder(source, store.uri)
    transfers.download_folder(store.uri, tmp_path / "copy")
    storage.delete_folder(storage.join(store.uri, "sub"))
    storage.delete_folder(storage.join(store.uri, "sub"))

    assert (tmp_path / "copy" / "sub" / "b.txt").read_bytes() == b"b"
    assert storage.list_files(store.uri) == {"a.txt": 1}
    assert storage.list_names(storage.join(store.uri, "sub")) == []


def test_the_content_id_follows_bytes_and_names_and_not_the_address(store: Store) -> None:
    for folder in ("one", "two"):
        storage.create(storage.join(store.uri, folder, "w.bin"), b"weights")
    same = {storage.content_id(storage.join(store.uri, folder)) for folder in ("one", "two")}
    storage.create(storage.join(store.uri, "two", ".cache", "x"), b"what a hub client leaves behind")
    hidden = storage.content_id(storage.join(store.uri, "two"))
    storage.create(storage.join(store.uri, "two", "v.bin"), b"weights")

    assert same == {hidden}
    assert storage.content_id(storage.join(store.uri, "two")) != hidden
    assert storage.content_id(storage.join(store.uri, "one", "w.bin")) != hidden


def test_a_pattern_names_files_and_its_content_id_follows_them_alone(store: Store) -> None:
    for name in ("data/b-2.jsonl", "data/b-1.jsonl", "data/other.csv", "data/deeper/b-3.jsonl"):
        storage.create(storage.join(store.uri, name), name.encode())
    pattern = storage.join(store.uri, "data", "b-*.jsonl")
    before = storage.content_id(pattern)
    storage.create(storage.join(store.uri, "data", "another.csv"), b"x")

    assert storage.matches(pattern) == [storage.join(store.uri, "data", name) for name in ("b-1.jsonl", "b-2.jsonl")]
    assert storage.matches(storage.join(store.uri, "data", "c-?.jsonl")) == []
    assert storage.matches(storage.join(store.uri, "data")) == []
    assert storage.content_id(pattern) == before
    storage.create(storage.join(store.uri, "data", "b-9.jsonl"), b"x")
    assert storage.content_id(pattern) != before


def test_a_missing_bucket_is_named(monkeypatch: pytest.MonkeyPatch, gs_environment: dict[str, str]) -> None:
    for name, value in gs_environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match="gs://no-such-bucket/x: its bucket does not exist; make it first"):
        storage.create("gs://no-such-bucket/x", b"")
    with pytest.raises(FileNotFoundError):
        storage.read_bytes("gs://no-such-bucket/x")


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        (READER, "access denied .*; check that it may be read and written with the present credentials"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "access denied"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no credentials found for this store"),
    ],
)
def test_a_refusing_store_is_explained(
    s3_store: Store, monkeypatch: pytest.MonkeyPatch, credentials: dict[str, str], message: str
) -> None:
    for name, value in credentials.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with new_clients(), pytest.raises(InputError, match=f"{s3_store.uri}/x: {message}"):
        storage.create(storage.join(s3_store.uri, "x"), b"")


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("", "an empty URI was given; expected gs://bucket/path, s3://bucket/path or a directory"),
        ("abfs://x/y", "'abfs://x/y' has the unknown scheme 'abfs'; expected gs://, s3:// or the path of a directory"),
        ("s3:///x", "'s3:///x' names no bucket; expected s3://bucket/path"),
        ("gs://", "'gs://' names no bucket; expected gs://bucket/path"),
    ],
)
def test_an_address_of_no_known_kind_is_refused(uri: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        storage.exists(uri)
    assert str(raised.value) == message


def test_a_file_uri_is_a_path(tmp_path: Path) -> None:
    storage.create(f"file://{tmp_path}/x", b"1")
    assert storage.read_bytes(str(tmp_path / "x")) == b"1"
    assert storage.list_names(f"file://{tmp_path}") == ["x"]


def test_a_file_in_the_way_of_a_directory_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    for path in ("taken/x", "taken/deeper/x"):
        with pytest.raises(InputError, match="a part of this path is a file, not a directory"):
            storage.create(str(tmp_path / path), b"")


def test_a_directory_that_may_not_be_written_is_an_input_error(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    with ordinary_user(), pytest.raises(InputError, match=r"access denied \(.*Permission denied"):
        storage.create(str(folder / "x"), b"")
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_explained_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys\n"
        "from components.shared.stores import storage\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    storage.create(sys.argv[1], bytes(2000))\n"
        "except storage.InputError as error:\n    sys.exit(str(error))\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "full" / "x")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "larger than files may be here" in result.stderr, result.stderr
    assert list((tmp_path / "full").iterdir()) == []


def test_what_is_no_json_is_named(tmp_path: Path) -> None:
    storage.create(str(tmp_path / "x.json"), b"{half")
    with pytest.raises(InputError, match=r"x\.json is not JSON"):
        storage.read_json(str(tmp_path / "x.json"))


def test_nothing_is_written_that_strict_json_readers_refuse(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        storage.create_json(str(tmp_path / "x.json"), {"loss": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_downloading_nothing_is_an_input_error(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is nothing to read here; check the address"):
        transfers.download_folder(storage.join(store.uri, "none"), tmp_path / "copy")


def _write_behind_the_back(uri: str, data: bytes) -> None:
    """Write as another pod does: not through this process's client."""
    if storage.is_remote(uri):
        scheme = uri.split("://", 1)[0]
        fsspec.filesystem(scheme, skip_instance_cache=True).pipe_file(uri, data)
    else:
        Path(uri).parent.mkdir(parents=True)
        Path(uri).write_bytes(data)


def test_an_object_that_is_deleted_while_another_is_refused_stood_all_the_same(
    remote_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = storage.join(remote_store.uri, "one")
    storage.create(uri, b"first")
    metadata = storage._metadata

    def deleted_before(uri: str) -> dict[str, str]:
        storage.delete_object(uri)
        return metadata(uri)

    monkeypatch.setattr(storage, "_metadata", deleted_before)
    with pytest.raises(FileExistsError):
        storage.create(uri, b"second")


def test_links_in_a_directory_are_read_as_the_files_that_they_lead_to(tmp_path: Path) -> None:
    for folder in ("blobs", "linked", "plain"):
        (tmp_path / folder).mkdir()
    (tmp_path / "blobs" / "1f").write_bytes(b"row")
    (tmp_path / "plain" / "a.jsonl").write_bytes(b"row")
    (tmp_path / "linked" / "a.jsonl").symlink_to("../blobs/1f")
    assert storage.content_id(f"{tmp_path}/linked") == storage.content_id(f"{tmp_path}/plain")
    assert storage.matches(f"{tmp_path}/linked/*.jsonl") == [f"{tmp_path}/linked/a.jsonl"]
    (tmp_path / "linked" / "b.jsonl").symlink_to("../blobs/none")
    for uri in (f"{tmp_path}/linked", f"{tmp_path}/linked/*.jsonl"):
        with pytest.raises(InputError, match=r"linked/b\.jsonl cannot be read .*it is a link to nothing"):
            storage.content_id(uri)


@pytest.mark.parametrize("name", ["pipe", "link"])
def test_a_pipe_has_no_content_to_follow(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    with pytest.raises(InputError, match="is a pipe or a device; give a file"):
        storage.content_id(f"{tmp_path}/{name}")


def test_a_link_to_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "folder" / "sub").symlink_to("../other")
    with pytest.raises(InputError, match=r"folder/sub is a link to a folder, which is not followed"):
        storage.content_id(f"{tmp_path}/folder")
