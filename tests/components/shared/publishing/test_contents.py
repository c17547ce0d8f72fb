from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from components.import_model.config import ImportModelConfig
from components.import_model.step import run as import_model
from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import run as package_dataset
from components.shared.errors import InputError
from components.shared.publishing.contents import Published, published
from components.shared.records import Example
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.package_dataset.examples import example
from tests.components.package_dataset.test_step import response
from tests.components.shared.sample_folders import create_folder
from tests.conftest import WriteRows


def dataset(workspace: Workspace, write_rows: WriteRows) -> str:
    responses = write_rows(workspace, [response(number) for number in range(5)], rows_per_part=2)
    return package_dataset(PackageDatasetConfig(workspace=workspace.uri, responses=responses), workspace)


def test_of_a_dataset_each_form_is_published_with_its_documents(workspace: Workspace, write_rows: WriteRows) -> None:
    folder = dataset(workspace, write_rows)
    contents = published(folder, "name")
    names = [
        "README.md",
        "croissant.json",
        "data/train-00000.parquet",
        "lineage.json",
        "report.html",
        "rl/train-00000.parquet",
    ]
    assert [file.name for file in contents.files] == [file.source for file in contents.files] == names
    assert {file.name: file.digest for file in contents.files} == {
        name: read_manifest(folder).files[name] for name in names
    }
    assert contents.size == sum(Path(folder, name).stat().st_size for name in names)
    assert contents.card == b""


def test_of_a_dataset_of_an_earlier_version_the_parts_are_published(
    workspace: Workspace, write_rows: WriteRows
) -> None:
    folder = write_rows(workspace, [example(number) for number in range(5)], rows_per_part=2)
    assert workspace.read(folder, Example)
    assert [file.name for file in published(folder, "name").files] == [
        f"part-{number:05d}.parquet" for number in range(3)
    ]


@pytest.mark.slow  # loads torch
def test_of_a_model_the_files_are_published_with_a_card_of_its_making(workspace: Workspace) -> None:
    folder = import_model(ImportModelConfig(workspace=workspace.uri, source="random:llama"), workspace)
    contents = published(folder, "my-model")
    assert {file.name for file in contents.files} >= {"model.safetensors", "config.json", "tokenizer.json"}
    assert not any("/" in file.name for file in contents.files)
    card = contents.card.decode()
    assert r"# my\-model" in card
    assert r"| import\_model | 0 | 0 |" in card
    assert r"- random\:llama" in card
    assert "base_model" not in yaml.safe_load(card.split("---\n")[1])
    assert published(folder, "my-model") == contents


@pytest.mark.parametrize(
    ("standing", "stale"),
    [
        ("data/train-00007.parquet", True),
        ("rl/validation-00000.parquet", True),
        ("part-00000.parquet", True),
        ("jsonl/part-00003.jsonl", True),
        ("data/train-00000.parquet", False),
        ("README.md", False),
        ("LICENSE", False),
        ("notes/data.csv", False),
        (".gitattributes", False),
        ("data/train-00000-of-00001.parquet", False),
        ("data/test-00000-of-00001.parquet", False),
        ("data/test-00000.parquet", False),
        ("data/mine/train-00000.parquet", False),
        ("data/mine/x.parquet", False),
        ("old/data/train-00001.parquet", False),
        ("data/train-0000N.parquet", False),
        ("data/train-00001.parquet.bak", False),
        ("part-00000/x.parquet", False),
        ("jsonl/mine/part-00000.jsonl", False),
        ("model.safetensors", False),
    ],
)
def test_only_what_an_earlier_push_made_is_stale(
    workspace: Workspace, write_rows: WriteRows, standing: str, stale: bool
) -> None:
    assert published(dataset(workspace, write_rows), "name").stale([standing]) == [standing] * stale


@pytest.mark.parametrize(
    ("standing", "stale"),
    [
        ("model.safetensors", True),
        ("model-00001-of-00002.safetensors", True),
        ("model.safetensors.index.json", True),
        ("adapter_model.safetensors", False),
        ("adapter/adapter_model.safetensors", False),
        ("onnx/model.safetensors", False),
        ("data/train-00000.parquet", False),
    ],
)
def test_of_a_model_only_its_weights_are_stale(standing: str, stale: bool) -> None:
    assert Published(folder="", kind="model", files=(), card=b"").stale([standing]) == [standing] * stale


def test_an_unfinished_folder_says_how_to_finish_it(workspace: Workspace) -> None:
    folder = create_folder(workspace, 1, 1)
    with pytest.raises(InputError, match=r"is not finished: .*finish it with: "):
        published(folder.uri, "name")


def test_a_folder_of_other_rows_is_refused(workspace: Workspace, write_questions: WriteRows) -> None:
    with pytest.raises(InputError, match="holds question rows, made by given_rows; expected a dataset"):
        published(write_questions(workspace, ["What is 1 + 1?"]), "name")


def test_a_file_that_is_gone_is_named(workspace: Workspace, write_rows: WriteRows) -> None:
    folder = dataset(workspace, write_rows)
    storage.local_path(storage.join(folder, "rl/train-00000.parquet")).unlink()
    with pytest.raises(InputError, match=r"rl/train-00000\.parquet is missing"):
        published(folder, "name")
