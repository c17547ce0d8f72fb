"""A model that cannot be trained as it is, or not with these options, is refused before anything is written."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification

from components.shared.errors import InputError
from components.shared.training import start_model
from components.shared.training.start_model import StartModel, check_processes
from components.shared.workspace import Workspace
from components.train_sft.config import TrainSftConfig
from tests.components.shared.small_trainings import TRAININGS
from tests.conftest import WriteRows

Weights = dict[str, torch.Tensor]


@pytest.fixture
def changed(tiny_model: Path, tmp_path: Path) -> Callable[..., Path]:
    """``changed(weights, **options)``: a copy of the tiny model with other weights and another config.json."""

    def change(weights: Callable[[Weights], Weights] = dict, **options: Any) -> Path:
        folder = tmp_path / "changed"
        shutil.copytree(tiny_model, folder)
        file = folder / "model.safetensors"
        save_file(weights(load_file(file)), file, {"format": "pt"})
        config = folder / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text(encoding="utf-8")) | options), encoding="utf-8")
        return folder

    return change


def without_a_layers_mlp(weights: Weights) -> Weights:
    return {name: value for name, value in weights.items() if "layers.1.mlp" not in name}


def with_a_nan(weights: Weights) -> Weights:
    weights["model.norm.weight"][3] = float("nan")
    return weights


def with_fewer_rows(weights: Weights) -> Weights:
    """Leave out the embedding of <|im_end|>, which is the third token, and of all behind it."""
    return weights | {"model.embed_tokens.weight": weights["model.embed_tokens.weight"][:2].clone()}


BROKEN = [
    (without_a_layers_mlp, {}, r"missing: model\.layers\.1\.mlp\.down_proj\.weight"),
    (with_a_nan, {}, r"1 weights are NaN or infinite \(model\.norm\.weight\)"),
    (dict, {"max_position_embeddings": 50}, "--max-tokens 100: --model .* takes 50 tokens; give at most that"),
    (with_fewer_rows, {"vocab_size": 2}, "its tokenizer makes the token .* of id .*, and its embedding has 2 rows"),
]


@pytest.mark.parametrize(("weights", "options", "message"), BROKEN)
@pytest.mark.parametrize("make", TRAININGS)
def test_no_training_starts_from_a_model_that_does_not_fit(
    workspace: Workspace, write_rows: WriteRows, changed: Callable[..., Path], make: Callable[..., Any], weights: Any,
    options: dict[str, Any], message: str,
) -> None:  # fmt: skip
    run, config = make(workspace, changed(weights, **options), write_rows, max_tokens=100)
    with pytest.raises(InputError, match=message):
        run(config, workspace)
    assert not list(Path(workspace.uri).glob("train_*"))


def config_of(model: Path, **options: Any) -> TrainSftConfig:
    return TrainSftConfig(workspace="w", model=str(model), examples="e", num_processes=1, **options)


def test_a_reward_model_of_several_outputs_is_no_start_of_a_scorer(tiny_model: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_model, tmp_path / "judge")
    AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=2).save_pretrained(folder)
    with pytest.raises(InputError, match=r"of another shape: score\.weight \(2 x 64 instead of 1 x 64\)"):
        StartModel(folder, config_of(folder), as_scorer=True)
    with pytest.raises(InputError, match=r"unexpected: score\.weight"):
        StartModel(folder, config_of(folder))


def test_a_language_model_and_a_scorer_start_a_scorer(tiny_model: Path, tiny_scorer: Path) -> None:
    for folder in (tiny_model, tiny_scorer):
        assert StartModel(folder, config_of(folder), as_scorer=True).folder == folder


def test_tokens_within_the_embedding_pass_and_the_first_beyond_it_is_named(tiny_model: Path) -> None:
    model = StartModel(tiny_model, config_of(tiny_model))
    model.check_tokens([0, 258])
    model.check_tokens([])
    with pytest.raises(InputError, match="of id 259, and its embedding has 259 rows; resize"):
        model.check_tokens([5, 259])


def test_each_process_needs_its_own_gpu(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainSftConfig(workspace="w", model="m", examples="e", num_processes=8)
    check_processes(config)  # without any GPU, processes share the CPU
    monkeypatch.setattr(start_model, "num_accelerators", lambda: 4)
    with pytest.raises(InputError, match="--num-processes 8: this machine has 4 GPUs"):
        check_processes(config)
