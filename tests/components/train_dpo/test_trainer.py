"""What reaches the model: the pairs that the real trainer collates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from components.shared.templates import load_chat_template
from components.shared.training.job import TrainingJob, write_examples
from components.shared.training.token_examples import ExampleEncoder
from components.train_dpo.config import TrainDpoConfig
from components.train_dpo.step import COLUMNS
from components.train_dpo.trainer import OrderedDPOTrainer, make_trainer
from tests.components.shared.gradients import check_rows_weigh_the_same, in_fp32


@pytest.mark.parametrize("family", ["chatml", "deepseek_math"])
def test_both_questions_follow_the_bare_prefix_and_end_once(tmp_path: Path, tiny_model: Path, family: str) -> None:
    config = TrainDpoConfig(
        workspace=str(tmp_path), model=str(tiny_model), pairs="", chat_template=family, batch_size=2,
        micro_batch_size=2, num_processes=1,
    )  # fmt: skip
    tokenizer, template = AutoTokenizer.from_pretrained(tiny_model), load_chat_template(family, tiny_model)
    encoder = ExampleEncoder(tiny_model)
    chosen, rejected = (encoder.encode(template.prompt(""), template.written_question(text)) for text in ("2+2?", "x"))
    row = dict(zip(COLUMNS, (chosen.prompt_ids, chosen.completion_ids, rejected.completion_ids), strict=True))
    job = TrainingJob(config=config, folder=str(tmp_path), model=str(tiny_model), checkpoints_uri="", end_tokens=())
    write_examples(job.examples_file, [row, row], COLUMNS)

    (batch,) = list(make_trainer(job).get_train_dataloader())

    assert batch["ref_chosen_logps"].shape == (2,)  # the reference's log-probabilities came with the rows
    for ids, attended, learned, text in zip(
        batch["input_ids"], batch["attention_mask"], batch["completion_mask"], ("2+2?", "2+2?", "x", "x"), strict=True
    ):
        whole = tokenizer.decode(ids[attended == 1])
        assert whole == template.bare_prefix + str(template.written_question(text))
        assert tokenizer.decode(ids[learned == 1]) == str(template.written_question(text))


PAIRS = [([5, 6], [20 + number] * (1 + number) + [2], [40 + number] * (9 - number) + [2]) for number in range(7)]


def trainer_of(folder: Path, model: Path, **options: Any) -> OrderedDPOTrainer:
    """Return the real trainer of seven uneven pairs, in steps of four and three."""
    settings = {"learning_rate": 0.0, "micro_batch_size": 4, "warmup_steps": 0, "checkpoint_steps": 0, **options}
    config = TrainDpoConfig(
        workspace=str(folder), model=str(model), pairs="", batch_size=4, num_processes=1, **settings
    )
    folder.mkdir(exist_ok=True)
    job = TrainingJob(config=config, folder=str(folder), model=str(model), checkpoints_uri="", end_tokens=())
    write_examples(job.examples_file, [dict(zip(COLUMNS, pair, strict=True)) for pair in PAIRS], COLUMNS)
    with in_fp32():
        return make_trainer(job)


def loss_by_hand(model: Any, row: dict[str, list[int]]) -> torch.Tensor:
    """Return the loss of a pair where the model is its own reference."""
    prompt = row["prompt_ids"]
    logps = []
    for completion in (row["chosen_ids"], row["rejected_ids"]):
        logits = model(input_ids=torch.tensor([prompt + completion])).logits[0, len(prompt) - 1 : -1]
        logps.append(logits.log_softmax(-1).gather(1, torch.tensor(completion)[:, None]).sum())
    chosen, rejected = (logp - logp.detach() for logp in logps)
    return -torch.nn.functional.logsigmoid(0.1 * (chosen - rejected))


@pytest.mark.slow
def test_each_pair_weighs_the_same_in_micro_batches_of_any_size(tmp_path: Path, tiny_model: Path) -> None:
    check_rows_weigh_the_same(
        lambda size: trainer_of(tmp_path / str(size), tiny_model, micro_batch_size=size),
        AutoModelForCausalLM.from_pretrained(tiny_model),
        loss_by_hand,
    )


@pytest.mark.slow
def test_figures_are_means_over_pairs(tmp_path: Path, tiny_model: Path) -> None:
    logs = []
    for size in (2, 4):
        trainer = trainer_of(tmp_path / str(size), tiny_model, micro_batch_size=size, learning_rate=1e-3, epochs=2)
        trainer.train()
        logs.append([entry for entry in trainer.state.log_history if "loss" in entry])
    assert len(logs[0]) == 4
    for key in ("loss", "grad_norm", "rewards/margins", "rewards/accuracies"):
        assert [entry[key] for entry in logs[0]] == pytest.approx([entry[key] for entry in logs[1]], rel=1e-3)
