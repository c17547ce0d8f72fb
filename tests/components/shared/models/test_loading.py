"""Weights that are missing, too many, of another shape or broken are named before anything uses them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    PreTrainedModel,
)

from components.shared.errors import InputError
from components.shared.models.loading import check_finite, check_weights, is_finite, load
from components.shared.models.purposes import Use

Weights = dict[str, torch.Tensor]
SHAPE = {
    "vocab_size": 64, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
}  # fmt: skip


def saved(folder: Path, *, tied: bool = False, outputs: int = 0, change: Callable[[Weights], Weights] = dict) -> Path:
    """Save a tiny model, a scorer where it has outputs, with its weights changed."""
    torch.manual_seed(0)
    config = LlamaConfig(**SHAPE, tie_word_embeddings=tied)
    if outputs:
        config.num_labels = outputs
    (LlamaForSequenceClassification if outputs else LlamaForCausalLM)(config).save_pretrained(folder)
    file = folder / "model.safetensors"
    save_file(change(load_file(file)), file, {"format": "pt"})
    return folder


def without(*parts: str) -> Callable[[Weights], Weights]:
    return lambda weights: {name: value for name, value in weights.items() if not any(part in name for part in parts)}


def with_value(name: str, value: float) -> Callable[[Weights], Weights]:
    def change(weights: Weights) -> Weights:
        weights[name].view(-1)[-1] = value
        return weights

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without("layers.1.mlp"), "missing: model.layers.1.mlp.down_proj.weight, model.layers.1.mlp.gate_proj.weight"),
        (without("lm_head"), "missing: lm_head.weight; missing ones would be random"),
        (lambda weights: {f"base_model.model.{name}": value for name, value in weights.items()}, "and 17 more"),
        (lambda weights: weights | {"score.weight": torch.zeros(1, 16)}, "unexpected: score.weight"),
        (
            lambda weights: weights | {"model.norm.weight": torch.zeros(8)},
            "of another shape: model.norm.weight (8 instead of 16)",
        ),
    ],
)
def test_weights_of_a_language_model_that_do_not_fit_are_named(
    tmp_path: Path, change: Callable[[Weights], Weights], words: str
) -> None:
    folder = saved(tmp_path / "model", change=change)
    with pytest.raises(InputError) as raised:
        check_weights(folder, f"--model {folder}", Use.LANGUAGE_MODEL)
    assert str(raised.value).startswith(f"--model {folder}: ")
    assert words in str(raised.value)


def test_a_whole_model_passes_without_its_weights_being_read(tmp_path: Path) -> None:
    model = check_weights(saved(tmp_path / "model"), "--model x", Use.LANGUAGE_MODEL)
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}


def test_a_tied_head_may_be_missing_and_may_be_there(tmp_path: Path) -> None:
    folder = saved(tmp_path / "tied", tied=True)
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    check_weights(folder, "--model x", Use.LANGUAGE_MODEL)
    config = json.loads((saved(tmp_path / "own") / "config.json").read_text(encoding="utf-8"))
    (tmp_path / "own" / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": True}), encoding="utf-8")
    check_weights(tmp_path / "own", "--model x", Use.LANGUAGE_MODEL)


def test_models_loaded_in_threads_leave_transformers_as_it_was(tmp_path: Path) -> None:
    tied = saved(tmp_path, tied=True)
    uses = [lambda: check_weights(tied, "model", Use.LANGUAGE_MODEL), lambda: load(AutoModelForCausalLM, tied)]
    before = PreTrainedModel.tie_weights
    with ThreadPoolExecutor(4) as threads:
        models = list(threads.map(lambda number: uses[number % 2](), range(40)))
    assert PreTrainedModel.tie_weights is before
    assert all(model.lm_head.weight is model.model.embed_tokens.weight for model in models[1::2])


def test_buffers_of_older_releases_are_no_fault(tmp_path: Path) -> None:
    name = "model.layers.0.self_attn.rotary_emb.inv_freq"
    folder = saved(tmp_path / "model", change=lambda weights: weights | {name: torch.zeros(4)})
    check_weights(folder, "--model x", Use.LANGUAGE_MODEL)


def test_weights_in_shards_are_checked(tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(saved(tmp_path / "whole"), dtype=torch.float32)
    model.model.layers[1].mlp.up_proj.weight.data[0, 0] = float("nan")
    model.save_pretrained(tmp_path / "shards", max_shard_size="8KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    check_weights(tmp_path / "shards", "--model x", Use.LANGUAGE_MODEL)
    with pytest.raises(InputError, match=r"1 weights are NaN or infinite \(model.layers.1.mlp.up_proj.weight\)"):
        check_finite(tmp_path / "shards", "--model x")


def test_a_scorer_without_its_head_is_refused(tmp_path: Path) -> None:
    check_weights(saved(tmp_path / "whole", outputs=1), "--scorer x", Use.SCORER)
    headless = saved(tmp_path / "headless", outputs=1, change=without("score"))
    for use in (Use.SCORER, Use.SCORER_BASE):
        with pytest.raises(InputError, match=r"missing: score\.weight"):
            check_weights(headless, "--scorer x", use)


def test_a_scorer_starts_from_a_language_model_and_from_a_scorer(tmp_path: Path) -> None:
    check_weights(saved(tmp_path / "language"), "--model x", Use.SCORER_BASE)
    check_weights(saved(tmp_path / "tied", tied=True), "--model x", Use.SCORER_BASE)
    check_weights(saved(tmp_path / "scorer", outputs=1), "--model x", Use.SCORER_BASE)


def test_a_start_of_a_scorer_may_lack_a_head_and_nothing_else(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", change=without("norm.weight"))
    with pytest.raises(InputError, match=r"missing: model\.layers\.0\.input_layernorm\.weight"):
        check_weights(folder, "--model x", Use.SCORER_BASE)


def test_a_scorer_of_several_outputs_is_no_start_of_one_with_one(tmp_path: Path) -> None:
    folder = saved(tmp_path / "judge", outputs=3)
    with pytest.raises(InputError, match=r"score\.weight \(3 x 16 instead of 1 x 16\)"):
        check_weights(folder, "--model x", Use.SCORER_BASE)


def test_a_scorer_is_no_language_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing: lm_head\.weight; unexpected: score\.weight"):
        check_weights(saved(tmp_path / "scorer", outputs=1), "--model x", Use.LANGUAGE_MODEL)


def test_what_transformers_cannot_load_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "cut")
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    other = shutil.copytree(saved(tmp_path / "whole"), tmp_path / "other")
    (other / "config.json").write_text('{"model_type": "of_its_own"}', encoding="utf-8")
    for broken in (folder, other):
        with pytest.raises(InputError, match="--model x: transformers cannot load it as a language model"):
            check_weights(broken, "--model x", Use.LANGUAGE_MODEL)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_model_with_a_weight_that_is_no_number_is_broken(tmp_path: Path, value: float) -> None:
    folder = saved(tmp_path / "model", change=with_value("model.norm.weight", value))
    check_weights(folder, "--model x", Use.LANGUAGE_MODEL)
    with pytest.raises(InputError, match=r"--model x: 1 weights are NaN or infinite \(model\.norm\.weight\)"):
        check_finite(folder, "--model x")
    check_finite(saved(tmp_path / "good"), "--model x")


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float8_e4m3fn])
def test_every_kind_of_number_is_checked(dtype: torch.dtype) -> None:
    assert is_finite(torch.tensor([1.0, -2.0]).to(dtype))
    assert is_finite(torch.zeros(0).to(dtype))
    assert not is_finite(torch.tensor([1.0, float("nan")]).to(dtype))
