import importlib.util
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from components.shared import scoring
from components.shared.config import StepConfig
from components.shared.config.scoring import ScorerConfig
from components.shared.errors import InputError
from components.shared.scoring import Scorer, Text, check_scorer, open_scorer
from components.shared.scoring.score_rows import fetch_scorer
from components.shared.templates import load_chat_template


@dataclass(frozen=True, kw_only=True)
class SomeScoringConfig(ScorerConfig, StepConfig):
    pass


def scripted(max_tokens: int = 0) -> Scorer:
    config = SomeScoringConfig(workspace="w", scorer_engine="scripted", max_tokens=max_tokens)
    return open_scorer(config, None, add_special_tokens=True)


def test_the_scripted_scorer_gives_the_same_text_the_same_number_from_0_to_1() -> None:
    texts = [Text(key=number, text=f"text {number % 50}") for number in range(100)]
    values = [score.value for score in scripted().score(texts)]
    assert values[:50] == values[50:]
    assert len(set(values[:50])) == 50
    assert all(value is not None and 0 <= value < 1 for value in values)


def test_the_scripted_scorer_reports_what_is_too_long() -> None:
    (short, long) = scripted(max_tokens=3).score([Text(key="s", text="one two three"), Text(key="l", text="1 2 3 4")])
    assert short.value is not None
    assert (long.key, long.num_tokens, long.value) == ("l", 4, None)


def test_beside_an_accelerator_the_scorer_has_a_process_of_its_own(
    tiny_scorer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = SomeScoringConfig(workspace="w")
    texts = [Text(key=number, text=f"text {number}") for number in range(3)]
    values = {}
    for num_accelerators in (0, 1):
        monkeypatch.setattr(scoring, "num_accelerators", lambda count=num_accelerators: count)
        scorer = open_scorer(config, tiny_scorer, add_special_tokens=True)
        values[type(scorer).__name__] = {score.key: score.value for score in scorer.score(texts)}
        scorer.close()
    assert values["ScorerProcess"] == pytest.approx(values["SequenceClassifier"], abs=1e-5)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InputError, match="--scorer-engine 'bert' is not accepted; expected one of transformers, vllm"):
        SomeScoringConfig(workspace="w", scorer_engine="bert")


def write_config(folder: Path, **content: object) -> Path:
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_a_language_model_is_no_scorer(tiny_model: Path) -> None:
    with pytest.raises(InputError, match=r"--scorer .*: not a scorer \(architecture LlamaForCausalLM, 2 outputs\)"):
        check_scorer(tiny_model, "--scorer", "transformers")


def test_a_classifier_with_several_outputs_is_no_scorer(tmp_path: Path) -> None:
    labels = {"0": "a", "1": "b", "2": "c"}
    folder = write_config(tmp_path, architectures=["BertForSequenceClassification"], id2label=labels)
    with pytest.raises(InputError, match="3 outputs"):
        check_scorer(folder, "--scorer", "transformers")


def write_scorer(folder: Path, tiny_scorer: Path, **content: object) -> Path:
    """Copy the tiny scorer with another config."""
    shutil.copytree(tiny_scorer, folder, dirs_exist_ok=True)
    config = json.loads((tiny_scorer / "config.json").read_text(encoding="utf-8"))
    return write_config(folder, **(config | content))


def test_one_output_classifiers_are_scorers_and_for_vllm_reward_models_too(tmp_path: Path, tiny_scorer: Path) -> None:
    reward_model = write_scorer(tmp_path, tiny_scorer, architectures=["LlamaForRewardModel"])
    check_scorer(reward_model, "--scorer", "vllm")
    for engine in ("transformers", "vllm"):
        check_scorer(tiny_scorer, "--scorer", engine)
    with pytest.raises(
        InputError, match=r"not a scorer \(architecture LlamaForRewardModel.*or, with --scorer-engine vllm"
    ):
        check_scorer(reward_model, "--scorer", "transformers")


def test_one_output_may_be_told_by_its_number_alone(tmp_path: Path, tiny_scorer: Path) -> None:
    check_scorer(write_scorer(tmp_path, tiny_scorer, id2label=None, num_labels=1), "--scorer", "transformers")


def test_a_process_reward_model_is_no_scorer(tmp_path: Path, tiny_scorer: Path) -> None:
    folder = write_scorer(tmp_path, tiny_scorer, architectures=["Qwen2ForProcessRewardModel"], num_labels=2)
    with pytest.raises(InputError, match=r"not a scorer .architecture Qwen2ForProcessRewardModel"):
        check_scorer(folder, "--scorer", "vllm")


@pytest.mark.parametrize("architecture", ["LlamaForSequenceClassification", "LlamaForRewardModel"])
def test_a_scorer_whose_head_is_missing_is_refused_whichever_engine_is_to_run_it(
    tmp_path: Path, tiny_scorer: Path, architecture: str
) -> None:
    folder = write_scorer(tmp_path, tiny_scorer, architectures=[architecture])
    weights = load_file(folder / "model.safetensors")
    del weights["score.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    for engine in ("transformers", "vllm") if architecture.endswith("Classification") else ("vllm",):
        config = SomeScoringConfig(workspace="w", scorer_engine=engine)
        with pytest.raises(InputError, match=r"--scorer .*: the weights are not those of .*missing: (score|a head)"):
            fetch_scorer(config, str(folder), "--scorer")


def test_a_model_that_needs_remote_code_is_no_scorer(tmp_path: Path, tiny_scorer: Path) -> None:
    code = {"AutoConfig": "configuration_internlm2.InternLM2Config", "AutoModel": "modeling_internlm2.InternLM2Model"}
    folder = write_scorer(
        tmp_path, tiny_scorer, architectures=["InternLM2ForRewardModel"], model_type="internlm2", auto_map=code
    )
    with pytest.raises(InputError, match="without remote code, which is never run; expected a sequence-classification"):
        check_scorer(folder, "--scorer", "vllm")


def test_vllm_must_be_there_for_its_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    config = SomeScoringConfig(workspace="w", scorer_engine="vllm")
    with pytest.raises(InputError, match=r"needs the package 'vllm'.*or pass --scorer-engine transformers"):
        fetch_scorer(config, str(tmp_path), "--scorer")


def test_a_reward_model_reads_the_conversation_to_its_end_token(tiny_model: Path) -> None:
    text = load_chat_template("chatml", tiny_model).conversation("What is 2+2?", "It is 4.")
    assert str(text) == ("<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\nIt is 4.<|im_end|>")
