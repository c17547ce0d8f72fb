"""The dataset as those load it who train elsewhere: datasets, TRL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.forms import DATA_SCHEMA, RL_SCHEMA
from components.package_dataset.overview import overview_text
from components.package_dataset.step import run
from components.shared.records import Response
from components.shared.workspace import Workspace
from tests.components.package_dataset.test_step import response
from tests.conftest import WriteRows
from tests.stores import Store

pytestmark = pytest.mark.slow  # they load datasets, and TRL


@pytest.fixture
def datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library, with an empty cache."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets as library

    monkeypatch.setattr(library.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    return library


def package(workspace: Workspace, write_rows: WriteRows, rows: list[Response], **options: Any) -> str:
    responses = write_rows(workspace, rows, rows_per_part=16)
    return run(PackageDatasetConfig(workspace=workspace.uri, responses=responses, **options), workspace)


def test_load_dataset_finds_forms_and_splits(workspace: Workspace, write_rows: WriteRows, datasets: Any) -> None:
    rows = [response(number, final_answer="" if number % 5 == 0 else str(2 * number)) for number in range(80)]
    folder = package(workspace, write_rows, rows, validation_share=0.2)
    assert datasets.get_dataset_config_names(folder) == ["default", "rl"]
    loaded, problems = datasets.load_dataset(folder), datasets.load_dataset(folder, "rl")
    assert list(loaded) == list(problems) == ["train", "validation"]
    assert sorted([*loaded["train"]["id"], *loaded["validation"]["id"]]) == sorted(row.id for row in rows)
    assert not {*loaded["train"]["question"]} & {*loaded["validation"]["question"]}
    for split in loaded:
        assert {*problems[split]["question"]} <= {*loaded[split]["question"]}
    assert sum(map(len, problems.values())) == 64
    row = loaded["train"][0]
    assert row["messages"] == [
        {"role": "user", "content": row["question"]},
        {"role": "assistant", "content": row["response"]},
    ]


def test_the_card_says_of_features_and_sizes_what_datasets_says(
    workspace: Workspace, write_rows: WriteRows, datasets: Any
) -> None:
    folder = package(workspace, write_rows, [response(number) for number in range(40)], validation_share=0.3)
    card = yaml.safe_load(Path(folder, "README.md").read_text(encoding="utf-8").split("---\n")[1])
    schemas = {"default": DATA_SCHEMA, "rl": RL_SCHEMA}
    for info in card["dataset_info"]:
        name = info["config_name"]
        features = datasets.Features.from_arrow_schema(schemas[name])
        assert info["features"] == features._to_yaml_list()
        loaded = datasets.load_dataset(folder, name)
        assert {split["name"]: split["num_examples"] for split in info["splits"]} == loaded.num_rows
        assert all(split.features == features for split in loaded.values())


def test_trl_writes_conversations_and_prompts_by_a_chat_template(
    workspace: Workspace, write_rows: WriteRows, datasets: Any, tiny_model: Path
) -> None:
    from transformers import AutoTokenizer
    from trl import data_utils

    folder = package(workspace, write_rows, [response(1)])
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    (row,), (problem,) = (datasets.load_dataset(folder, name, split="train") for name in ("default", "rl"))
    assert data_utils.is_conversational(row)
    assert data_utils.is_conversational(problem)
    whole = data_utils.apply_chat_template({"messages": row["messages"]}, tokenizer)["text"]
    assert data_utils.maybe_apply_chat_template(row, tokenizer)["text"] == whole
    prompt = data_utils.maybe_apply_chat_template(problem, tokenizer)["prompt"]
    assert whole.startswith(prompt)
    assert row["response"] in whole.removeprefix(prompt)


def test_trl_trains_on_responses_alone_where_messages_become_prompt_and_completion(
    workspace: Workspace, write_rows: WriteRows, datasets: Any, tiny_model: Path
) -> None:
    from transformers import AutoTokenizer
    from trl import data_utils

    rows = datasets.load_dataset(package(workspace, write_rows, [response(1)]), split="train")
    (row,) = rows.map(
        lambda row: {"prompt": row["messages"][:1], "completion": row["messages"][1:]}, remove_columns=rows.column_names
    )
    texts = data_utils.maybe_apply_chat_template(row, AutoTokenizer.from_pretrained(tiny_model))
    assert rows[0]["question"] in texts["prompt"]
    assert texts["completion"].startswith(rows[0]["response"])


def test_the_example_of_the_overview_loads_the_rows_of_any_store(
    store: Store, write_rows: WriteRows, tmp_path: Path
) -> None:
    workspace = Workspace(store.uri)
    responses = write_rows(workspace, [response(number) for number in range(5)])
    config = PackageDatasetConfig(workspace=workspace.uri, responses=responses)
    example = overview_text(config, run(config, workspace)).decode().split("```")[1].removeprefix("python\n")
    command = [sys.executable, "-c", f"{example}\nprint(*rows['id'])"]
    # Offline, the library takes a store for the hub.
    environment = {**os.environ, "HF_HUB_OFFLINE": "0", "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.split() == [f"q{number}-1" for number in range(5)]
