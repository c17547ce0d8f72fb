"""One download a node: with real processes, on real servers, behind a proxy that counts what is read."""

from __future__ import annotations

import math
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from components.shared.errors import InputError, UnavailableError
from components.shared.models import _node_cache
from components.shared.stores import storage, transfers
from components.shared.stores._parallel import THREADS
from components.shared.workspace import Workspace
from tests.components.shared.fetcher import RANGE_BYTES
from tests.components.shared.sample_folders import SampleConfig
from tests.fault_proxy import FaultProxy, FaultyStore
from tests.stores import Store

pytestmark = pytest.mark.slow

WEIGHTS = 2**23  # with the file's header 33 ranges
LISTINGS = 100_000  # bytes of all else that a fetch reads: listings, the manifest, the model's small files
FETCH = [sys.executable, "-m", "tests.components.shared.fetcher"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The node's cache, empty."""
    monkeypatch.setenv("SCALEQUEST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


def test_processes_that_ask_at_once_read_a_model_once(faulty_store: FaultyStore, cache: Path, tmp_path: Path) -> None:
    folder = _model_folder(faulty_store.uri, _model(tmp_path / "model"))
    before = faulty_store.proxy.bytes_read

    processes = [_start(folder) for _ in range(2)]
    folders = {_output(process) for process in processes}
    folders.add(_output(_start(folder)))  # a later step

    assert len(folders) == 1
    assert WEIGHTS <= faulty_store.proxy.bytes_read - before < WEIGHTS + 3 * LISTINGS
    (whole,) = (path for path in cache.iterdir() if path.is_dir())
    assert {str(whole)} == folders
    assert _digests(whole) == _digests(tmp_path / "model"), "and nothing of the download beside them"


def test_models_that_are_fetched_side_by_side_do_not_wait_for_each_other(
    s3_store: Store, cache: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        transfers.upload_folder(_model(tmp_path / name), storage.join(s3_store.uri, name))
    with _node_cache._locked(cache / "of-another-model.lock"):
        processes = {name: _start(storage.join(s3_store.uri, name)) for name in ("one", "two")}
        for name, process in processes.items():
            assert _digests(Path(_output(process))) == _digests(tmp_path / name)


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_fetch_is_continued_by_the_next_process(
    faulty_store: FaultyStore, cache: Path, tmp_path: Path, seed: int
) -> None:
    folder = _model_folder(faulty_store.uri, _model(tmp_path / "model"))
    proxy, draws, kills = faulty_store.proxy, random.Random(seed), 2
    proxy.share, proxy.kinds, proxy.delay_seconds = 1, ("delay",), 0.1
    before = proxy.bytes_read

    for _ in range(kills):
        # So none gets to its end, however late the kill comes.
        proxy.silent_from = proxy.bytes_read + proxy.bytes_written + WEIGHTS // 4
        process, waiting = _start(folder), _start(folder)
        _until_silent(proxy)
        time.sleep(draws.random() / 10)
        for each in (process, waiting):
            each.kill()
            each.communicate()
        proxy.silent_from = math.inf
        assert [path.suffix for path in cache.iterdir() if path.is_dir()] == [".partial"]
    proxy.share = 0
    whole = Path(_output(_start(folder)))

    assert _digests(whole) == _digests(tmp_path / "model")
    # What a kill costs: the ranges on their way, of each process that held the lock at the time.
    limit = WEIGHTS + (2 * kills + 1) * LISTINGS + 2 * kills * THREADS * RANGE_BYTES
    assert proxy.bytes_read - before < limit
    assert [path for path in cache.iterdir() if path.is_dir()] == [whole]


def test_a_whole_model_is_found_in_a_cache_that_may_only_be_read(
    s3_store: Store, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfers.upload_folder(_model(tmp_path / "model"), s3_store.uri)
    whole = _node_cache.fetch_once(s3_store.uri, {})

    def refuse(*_: object) -> None:
        raise AssertionError("nothing is to be locked")

    monkeypatch.setattr("components.shared.models._node_cache._locked", refuse)
    assert _node_cache.fetch_once(s3_store.uri, {}) == whole


def test_a_model_without_digests_that_changes_meanwhile_is_not_kept(
    s3_store: Store, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = _model(tmp_path / "model")
    transfers.upload_folder(model, s3_store.uri)
    download = transfers.download_folder

    def change_after(*arguments: object) -> None:
        download(*arguments)  # type: ignore[arg-type]
        (model / "config.json").write_text('{"changed": 1}')
        transfers.upload_folder(model, s3_store.uri)

    monkeypatch.setattr(transfers, "download_folder", change_after)
    with pytest.raises(
        UnavailableError, match="changed while it was downloaded; start again when no process writes to it"
    ):
        _node_cache.fetch_once(s3_store.uri, {})
    assert [path for path in cache.iterdir() if path.is_dir()] == []


def test_a_home_that_cannot_be_written_to_names_the_variable(
    s3_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transfers.upload_folder(_model(tmp_path / "model"), s3_store.uri)
    monkeypatch.delenv("SCALEQUEST_CACHE", raising=False)
    monkeypatch.setenv("HOME", "/proc")  # where nobody makes directories, root neither
    with pytest.raises(InputError, match=r"cannot be written to \(.*/proc/\.cache.*name another directory by SCALEQ"):
        _node_cache.fetch_once(s3_store.uri, {})


@pytest.mark.parametrize(("disk", "filler"), [("6m", 0), ("12m", 8)], ids=["too small", "filled by others meanwhile"])
def test_a_full_disk_says_how_much_is_needed_and_what_to_free(
    s3_store: Store, tmp_path: Path, disk: str, filler: int
) -> None:
    transfers.upload_folder(_model(tmp_path / "model"), s3_store.uri)
    (tmp_path / "cache").mkdir()
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from components.shared.models import _node_cache as node_cache\n"
        "from components.shared.stores import transfers\n"
        "root, download = Path(sys.argv[1]), transfers.download_folder\n"
        "(root / 'models' / 'an-older-one').mkdir(parents=True)\n"
        "(root / 'models' / 'an-older-one' / 'x').write_bytes(bytes(2000000))\n"
        "def fill_and_download(*arguments):\n"
        f"    (root / 'others').write_bytes(bytes({filler} * 1000000))\n"
        "    download(*arguments)\n"
        "transfers.download_folder = fill_and_download\n"
        "try:\n    node_cache.fetch_once(sys.argv[2], {})\n"
        "except node_cache.UnavailableError as error:\n"
        "    sys.exit(str(error))\n"
    )
    mounted = f'mount -t tmpfs -o size={disk} none "$1" && exec "$0" -c "$3" "$1" "$2"'
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, sys.executable]
    if subprocess.run([*command[:4], "-c", "mount -t tmpfs none /mnt"], check=False, capture_output=True).returncode:
        pytest.skip("small disks cannot be made here")
    result = subprocess.run(
        [*command, str(tmp_path / "cache"), s3_store.uri, code],
        capture_output=True, text=True, check=False, env={**os.environ, "SCALEQUEST_CACHE": str(tmp_path / "cache")},
    )  # fmt: skip
    assert "needs 8 MB, but" in result.stderr, result.stderr
    assert "it holds 1 other models, 2 MB: any that no running step uses may be deleted" in result.stderr
    assert "name a directory on a larger disk by SCALEQUEST_CACHE" in result.stderr


def _model(folder: Path) -> Path:
    folder.mkdir()
    save_file({"w": np.frombuffer(os.urandom(WEIGHTS), np.float16)}, folder / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        (folder / name).write_text("{}", encoding="utf-8")
    return folder


def _model_folder(workspace: str, model: Path) -> str:
    return Workspace(workspace).open(SampleConfig(workspace=workspace)).begin_model().finish(model, metrics={})


def _start(source: str) -> subprocess.Popen[str]:
    return subprocess.Popen([*FETCH, source], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def _output(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors[-2000:]
    return output


def _until_silent(proxy: FaultProxy) -> None:
    deadline = time.monotonic() + 60
    while not proxy.is_silent():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _digests(folder: Path) -> dict[str, str]:
    return {name: storage.digest_file(folder / name) for name in transfers.local_files(folder)}
