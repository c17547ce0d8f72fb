"""What vLLM would fail at is bad input, named before it loads anything."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer

from components.shared.config import StepConfig
from components.shared.config.engines import EngineConfig
from components.shared.config.scoring import ScorerConfig
from components.shared.engines import Sampling, check_engine
from components.shared.errors import ExitCode, InputError
from components.shared.scoring.score_rows import fetch_scorer


@dataclass(frozen=True, kw_only=True)
class AskConfig(EngineConfig, StepConfig):
    """A step's config that has an engine."""


@dataclass(frozen=True, kw_only=True)
class SomeScoringConfig(ScorerConfig, StepConfig):
    """A step's config that has a scorer."""


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def with_config(folder: Path, **changes: Any) -> Path:
    content = json.loads((folder / "config.json").read_text(encoding="utf-8")) | changes
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def check(model: Path, **options: Any) -> None:
    check_engine(AskConfig(workspace="w", **options), str(model), Sampling(temperature=1.0, max_tokens=8))


@pytest.mark.parametrize(
    ("options", "max_model_len", "num_gpus"),
    [({}, 2048, 1), ({"max_model_len": 1024, "tensor_parallel_size": 2}, 1024, 2)],
)
def test_a_model_and_options_that_fit_become_vllms_settings(
    model: Path, options: dict[str, int], max_model_len: int, num_gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from components.shared.engines.vllm_options import check_options

    seen: list[Any] = []

    def keeping(*given: Any) -> Any:
        seen.append(check_options(*given))
        return seen[-1]

    monkeypatch.setattr("components.shared.engines.vllm_engine.check_options", keeping)
    check(model, **options)
    (settings,) = seen
    assert settings.model_config.max_model_len == max_model_len
    assert settings.parallel_config.tensor_parallel_size == num_gpus


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_model_len": 100_000}, r"--max-model-len 100000 does not fit the model .*\(100000\) is greater.*2048"),
        (
            {"tensor_parallel_size": 3},
            r"--tensor-parallel-size 3 does not fit the model .*heads \(2\) must be divisible",
        ),
    ],
)
def test_an_option_that_the_models_shape_does_not_bear_is_named(
    model: Path, options: dict[str, int], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check(model, **options)


def test_missing_weights_are_named_though_vllm_would_take_what_lies_in_memory(model: Path) -> None:
    weights = load_file(model / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "layers.1.mlp" not in name}
    save_file(kept, model / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"the model .*missing: model\.layers\.1\.mlp\.down_proj\.weight"):
        check(model)


def test_an_end_token_without_a_row_in_the_embedding_is_refused_before_the_first_question(model: Path) -> None:
    content = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    content["added_tokens"] = [each for each in content["added_tokens"] if each["content"] != "<|im_end|>"]
    del content["model"]["vocab"]["<|im_end|>"]
    content["model"]["vocab"]["<|unused|>"] = 2
    (model / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.add_special_tokens([AddedToken("<|im_end|>", special=True)])
    tokenizer.save(str(model / "tokenizer.json"))
    with pytest.raises(InputError, match=r"the end token '<\|im_end\|>' as 259, and the model 259 tokens"):
        check(model)


def test_a_class_that_vllm_does_not_serve_is_one_short_message(model: Path, tiny_scorer: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"vLLM does not run the model .*MineForCausalLM") as refused:
        check(with_config(model, architectures=["MineForCausalLM"]))
    assert len(str(refused.value)) < 1000
    scorer = with_config(Path(shutil.copytree(tiny_scorer, tmp_path / "scorer")), architectures=["LlamaForRewardModel"])
    with pytest.raises(InputError, match=r"vLLM does not run --scorer .*LlamaForRewardModel"):
        fetch_scorer(SomeScoringConfig(workspace="w", scorer_engine="vllm"), str(scorer), "--scorer")


@pytest.mark.slow
def test_a_step_ends_with_2_and_writes_nothing(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "components.generate_questions", "--workspace", str(tmp_path / "workspace")]
    command += ["--model", str(model), "--generator", "tiny", "--num-questions", "4", "--max-model-len", "100000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == ExitCode.BAD_INPUT, done.stderr
    assert "--max-model-len 100000 does not fit the model" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "workspace").exists()


def test_a_scorer_that_is_split_over_too_many_gpus_is_refused(tiny_scorer: Path) -> None:
    config = SomeScoringConfig(workspace="w", scorer_engine="vllm", tensor_parallel_size=3)
    with pytest.raises(InputError, match="--tensor-parallel-size 3 does not fit --scorer"):
        fetch_scorer(config, str(tiny_scorer), "--scorer")
