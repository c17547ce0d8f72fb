"""What a store that answers late, wrongly or not at all does to whoever asks it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from components.shared.errors import InputError, UnavailableError
from components.shared.stores import retries, storage
from components.shared.stores.retries import LIMIT_VARIABLE, until_answered
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.conftest import WriteRows
from tests.fault_proxy import KINDS, FaultyStore, new_clients
from tests.stores import Store

pytestmark = pytest.mark.slow

CLOSED_PORT = "127.0.0.1:1"  # nobody listens there
MAX_SECONDS = 60  # for half a second of tries, on a busy machine; without that limit it would be 300


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait little between tries."""
    monkeypatch.setattr(retries.BACKOFF, "multiplier", 0.01)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, fast: None) -> None:
    """Try for half a second, three times at least."""
    monkeypatch.setenv(LIMIT_VARIABLE, "0.5")


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize("kind", KINDS)
def test_every_operation_gives_the_same_though_a_share_of_the_answers_is_wrong(
    faulty_store: FaultyStore, kind: str
) -> None:
    proxy, folder = faulty_store.proxy, storage.join(faulty_store.uri, "folder")
    proxy.kinds, proxy.share, proxy.delay_seconds = (kind,), 0.1 if kind == "429" else 0.3, 0.1
    for number in range(4):
        uri = storage.join(folder, f"{number}.bin")
        assert not storage.exists(uri)
        storage.create(uri, b"%d" % number * 100_000)
        with pytest.raises(FileExistsError):
            storage.create(uri, b"%d" % number * 100_000)
        assert storage.exists(uri)
        assert storage.read_bytes(uri) == b"%d" % number * 100_000
        with storage.open_read(uri) as file:
            assert file.seek(-5, os.SEEK_END) == 99_995
            assert file.read() == b"%d" % number * 5
    assert storage.list_names(folder) == [f"{number}.bin" for number in range(4)]
    assert storage.list_files(faulty_store.uri) == {f"folder/{number}.bin": 100_000 for number in range(4)}
    storage.delete_folder(folder)
    assert storage.list_names(folder) == []
    assert proxy.faults[kind] > 0


@pytest.mark.usefixtures("fast")
def test_an_object_whose_answer_was_lost_is_ours_and_another_writers_is_not(faulty_store: FaultyStore) -> None:
    proxy = faulty_store.proxy
    proxy.kinds, proxy.methods, proxy.share = ("cut",), ("PUT", "POST"), 0.5
    for number in range(20):
        uri = storage.join(faulty_store.uri, f"{number}.bin")
        storage.create(uri, b"the same from all")
        with pytest.raises(FileExistsError):
            storage.create(uri, b"the same from all")
    assert proxy.faults["cut"] >= 10
    assert proxy.calls["HEAD"] + proxy.calls["GET"] > 20, "no lost answer of ours was looked into"


@pytest.mark.usefixtures("fast")
def test_what_was_cut_off_on_its_way_into_a_store_cannot_be_read_there(
    faulty_store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, content = faulty_store.proxy, os.urandom(300_000)
    assert not storage.exists(faulty_store.uri)  # the client is made before it is impatient
    proxy.kinds, proxy.methods = ("cut",), ("PUT", "POST")
    uris = [storage.join(faulty_store.uri, f"{number}.bin") for number in range(5)]
    for uri in uris:
        proxy.share = 1.0
        monkeypatch.setenv(LIMIT_VARIABLE, "0.5")
        with pytest.raises(UnavailableError):
            storage.create(uri, content)
        proxy.share = 0.0
        monkeypatch.delenv(LIMIT_VARIABLE)
        assert not storage.exists(uri) or storage.read_bytes(uri) == content
        assert {*storage.list_files(uri).values()} <= {len(content)}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", ["500", "503", "429", "cut"])
def test_a_store_that_does_not_recover_ends_in_one_message(faulty_store: FaultyStore, kind: str) -> None:
    faulty_store.proxy.kinds, faulty_store.proxy.share = (kind,), 1.0
    begun = time.monotonic()
    with pytest.raises(UnavailableError) as raised:
        storage.create(storage.join(faulty_store.uri, "x"), b"content")
    message = str(raised.value)
    assert time.monotonic() - begun < MAX_SECONDS
    assert faulty_store.uri in message
    assert faulty_store.proxy.url in message
    tried = r"was tried ([3-9]|\d\d+) times in \d+ s without success"
    last = {"cut": r"\w+ .*", "500": "500 .*InternalError", "503": "503 .*", "429": "429 .*"}[kind]
    assert re.search(f"{tried}, the last answer was {last}", message), message
    assert message.endswith(
        f"what was written is kept: check the store and start the same command again ({LIMIT_VARIABLE}, now "
        "0.5, says how "
        "long it is tried)"
    )


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("endpoint", ["closed", "silent"])
def test_a_store_out_of_reach_is_tried_and_then_named(
    remote_store: Store, monkeypatch: pytest.MonkeyPatch, silent_port: int, endpoint: str
) -> None:
    address = CLOSED_PORT if endpoint == "closed" else f"127.0.0.1:{silent_port}"
    for name in {"AWS_ENDPOINT_URL", "STORAGE_EMULATOR_HOST"} & {*remote_store.environment}:
        monkeypatch.setenv(name, f"http://{address}")
    begun = time.monotonic()
    with new_clients(), pytest.raises(UnavailableError, match=rf"{address}.* was tried \d+ times"):
        storage.read_bytes(storage.join(remote_store.uri, "x"))
    assert time.monotonic() - begun < MAX_SECONDS


@pytest.mark.parametrize(("kind", "message"), [("403", "access denied"), ("401", "access denied")])
def test_what_a_store_refuses_for_good_is_asked_once(faulty_store: FaultyStore, kind: str, message: str) -> None:
    proxy = faulty_store.proxy
    storage.exists(faulty_store.uri)
    proxy.calls.clear()
    proxy.kinds, proxy.share = (kind,), 1.0
    with pytest.raises(InputError, match=f"{faulty_store.uri}/x: {message} .*; check that it may be read and written"):
        storage.create(storage.join(faulty_store.uri, "x"), b"")
    assert proxy.calls.total() == 1


def test_what_is_not_there_is_asked_for_once(faulty_store: FaultyStore) -> None:
    with pytest.raises(FileNotFoundError):
        storage.read_bytes(storage.join(faulty_store.uri, "x"))
    assert faulty_store.proxy.calls.total() == 1


def test_a_bucket_that_forbids_to_delete_says_so_for_each_object(faulty_store: FaultyStore) -> None:
    storage.create(storage.join(faulty_store.uri, "x"), b"1")
    faulty_store.proxy.kinds, faulty_store.proxy.methods, faulty_store.proxy.share = ("403",), ("DELETE",), 1.0
    with pytest.raises(InputError, match="access denied"):
        storage.delete_folder(faulty_store.uri)
    assert storage.list_names(faulty_store.uri) == ["x"]


def test_the_store_says_how_long_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("components.shared.stopping.pause", waits.append)
    answers: Iterator[Exception] = iter([_answer(503, "SlowDown", {"retry-after": "7"}), ConnectionResetError("gone")])

    def attempt() -> str:
        for error in answers:
            raise error
        return "content"

    assert until_answered("get_object of s3://bucket/x", attempt) == "content"
    assert waits[0] == 7
    assert 0 <= waits[1] <= 1


@pytest.mark.usefixtures("fast")
@pytest.mark.parametrize(
    ("seconds", "hint"), [(0.1, "(it is tried for 0.1 s)"), (9.0, f"({LIMIT_VARIABLE}, now 0.5, says how long it is")]
)
def test_the_limit_that_holds_is_named(monkeypatch: pytest.MonkeyPatch, seconds: float, hint: str) -> None:
    def attempt() -> None:
        raise ConnectionResetError("gone")

    monkeypatch.setenv(LIMIT_VARIABLE, "0.5")
    with pytest.raises(UnavailableError, match=re.escape(hint)):
        until_answered("a call", attempt, seconds=seconds, min_tries=1)


@pytest.mark.parametrize(
    ("scheme", "variable", "endpoint", "message"),
    [
        ("s3", "AWS_ENDPOINT_URL", "nonsense", "the store refused the request .*nonsense"),
        ("gs", "STORAGE_EMULATOR_HOST", "http://", "the store's endpoint is not an address"),
    ],
)
def test_an_endpoint_that_is_no_address_is_an_input_error_at_once(
    monkeypatch: pytest.MonkeyPatch, scheme: str, variable: str, endpoint: str, message: str
) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", variable: endpoint}.items():
        monkeypatch.setenv(name, value)
    with new_clients(), pytest.raises(InputError, match=f"{scheme}://bucket/x: {message}"):
        storage.read_bytes(f"{scheme}://bucket/x")


def test_a_limit_that_is_no_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, "5m")
    with pytest.raises(InputError, match=f"{LIMIT_VARIABLE} is '5m'; expected a number of seconds, 0 or more"):
        until_answered("a call", lambda: None)


@pytest.mark.slow
def test_a_step_makes_the_same_rows_though_a_tenth_of_the_answers_is_wrong(
    faulty_store: FaultyStore, tmp_path: Path, write_questions: WriteRows
) -> None:
    proxy, manifests = faulty_store.proxy, []
    for place, share in ((str(tmp_path), 0.0), (faulty_store.uri, 0.1)):
        questions = write_questions(Workspace(place), [f"What is {number} + 1?" for number in range(40)])
        options = ["--workspace", place, "--questions", questions, "--rows-per-part", "2", "--row-seconds", "0"]
        proxy.share, proxy.delay_seconds = share, 0.5
        step = _run("tests.components.shared.slow_filter", options, faulty_store, limit="60")
        proxy.share = 0.0
        assert step.returncode == 0, step.stderr
        manifests.append(read_manifest(step.stdout.strip()))
    undisturbed, disturbed = manifests
    assert disturbed.parts == undisturbed.parts
    assert disturbed.rejected == undisturbed.rejected == {"ends_in_3": 4}
    assert proxy.faults.total() > 0


def test_a_step_without_any_answer_ends_with_75_and_one_message(
    faulty_store: FaultyStore, write_questions: WriteRows
) -> None:
    questions = write_questions(Workspace(faulty_store.uri), ["What is 2+2?"])
    faulty_store.proxy.share, faulty_store.proxy.kinds = 1.0, ("503",)
    options = ["--workspace", faulty_store.uri, "--questions", questions]
    step = _run("components.filter_language", options, faulty_store, limit="2")
    (message,) = [line for line in step.stderr.splitlines() if not re.search(" (INFO|WARNING) ", line)]
    assert step.returncode == 75
    assert message.startswith("filter_language: error: ")
    assert f"{questions}/_manifest.json" in message
    assert re.search(r" was tried \d+ times in \d+ s without success, the last answer was 503 ", message)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def _answer(status: int, code: str, headers: dict[str, str]) -> ClientError:
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    return ClientError({"Error": {"Code": code, "Message": code}, "ResponseMetadata": metadata}, "GetObject")


def _run(module: str, options: list[str], store: Store, limit: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **store.environment, LIMIT_VARIABLE: limit}
    command = [sys.executable, "-m", module, *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
