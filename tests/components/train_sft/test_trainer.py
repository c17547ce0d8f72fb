"""What reaches the model: the batches that the real trainer collates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from components.shared.records import Question, Response
from components.shared.templates import load_chat_template
from components.shared.training.job import IGNORED, TrainingJob, write_examples
from components.shared.training.token_examples import ExampleEncoder
from components.train_sft.config import TrainSftConfig
from components.train_sft.step import COLUMNS, texts
from components.train_sft.trainer import make_trainer
from tests.components.shared.gradients import check_rows_weigh_the_same, in_fp32

QUESTIONS = [
    "What is 2 plus 2?",
    "A much longer question: how many apples are in seven boxes of twelve apples?",
    "1+1?",
]
FAMILIES = ("chatml", "deepseek_math")  # one with an end token of its own, one with BOS and EOS


def collated(
    tmp_path: Path, model: Path, family: str, rows: list[Any], **options: Any
) -> list[dict[str, torch.Tensor]]:
    """Return the batches of the real trainer, as the model gets them."""
    config = TrainSftConfig(
        workspace=str(tmp_path), model=str(model), examples="", chat_template=family, batch_size=4,
        micro_batch_size=2, num_processes=1, **options,
    )  # fmt: skip
    encoder, template = ExampleEncoder(model), load_chat_template(family, model)
    examples = []
    for row in rows:
        example = encoder.encode(*texts(row, template))
        labels = [IGNORED] * len(example.prompt_ids) + example.completion_ids
        examples.append({"input_ids": example.prompt_ids + example.completion_ids, "labels": labels})
    job = TrainingJob(config=config, folder=str(tmp_path), model=str(model), checkpoints_uri="", end_tokens=())
    write_examples(job.examples_file, examples, COLUMNS)
    return list(make_trainer(job).get_train_dataloader())


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_is_on_the_question_and_one_end_token_only(tmp_path: Path, tiny_model: Path, family: str) -> None:
    tokenizer, template = AutoTokenizer.from_pretrained(tiny_model), load_chat_template(family, tiny_model)
    end = tokenizer.convert_tokens_to_ids(template.question_end)
    rows = [Question(id=str(number), question=text) for number, text in enumerate(QUESTIONS)]
    learned = []
    for batch in collated(tmp_path, tiny_model, family, rows):
        for ids, labels in zip(batch["input_ids"], batch["labels"], strict=True):
            inside = labels != IGNORED
            assert (labels[inside] == ids[inside]).all()
            assert (ids[inside] == end).sum() == 1
            assert ids[inside][-1] == end
            prompt = ids[: int(inside.nonzero()[0])]
            assert tokenizer.decode(prompt) == template.bare_prefix
            learned.append(tokenizer.decode(ids[inside][:-1]).strip())
    assert sorted(learned) == sorted(QUESTIONS)


def test_bos_stands_exactly_once(tmp_path: Path, tiny_model: Path) -> None:
    bos = AutoTokenizer.from_pretrained(tiny_model).bos_token_id
    rows = [Question(id="0", question=QUESTIONS[0])]
    for batch in collated(tmp_path, tiny_model, "deepseek_math", rows):
        assert batch["input_ids"][0][0] == bos
        assert (batch["input_ids"][0][batch["attention_mask"][0] == 1] == bos).sum() == 1


def test_loss_of_a_response_leaves_out_the_question(tmp_path: Path, tiny_model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    row = Response(
        id="q0-0", question_id="q0", question="What is 6 times 7?", answer="42", source="s", difficulty=None, sample=0,
        response="It is 42.", final_answer="42", finish_reason="stop", num_tokens=3,
    )  # fmt: skip
    (batch,) = collated(tmp_path, tiny_model, "chatml", [row], objective="response")
    ids, labels = batch["input_ids"][0], batch["labels"][0]
    assert tokenizer.decode(labels[labels != IGNORED]) == "It is 42.<|im_end|>"
    prompt = tokenizer.decode(ids[labels == IGNORED])
    assert "What is 6 times 7?" in prompt
    assert prompt.endswith("<|im_start|>assistant\n")


def test_samples_in_one_row_without_padding_do_not_see_each_other(tiny_model: Path) -> None:
    """The row that TRL's collator makes for flash attention, run through PyTorch's attention: logits are equal."""
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)
    samples = [{"input_ids": [5, 9, 7, 30, 2]}, {"input_ids": [40, 41, 42, 43, 44, 45, 2]}]
    with torch.no_grad():
        flat = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)(samples)
        together = model(input_ids=flat["input_ids"], position_ids=flat["position_ids"], use_cache=False).logits[0]
        apart = [model(input_ids=torch.tensor([sample["input_ids"]])).logits[0] for sample in samples]
    assert torch.allclose(together, torch.cat(apart), atol=1e-4)


@pytest.mark.slow
def test_each_token_weighs_the_same_in_micro_batches_of_any_size(tmp_path: Path, tiny_model: Path) -> None:
    """Seven uneven rows, in steps of four and three."""
    examples = [
        {"input_ids": [5, *[20 + number] * (9 - number), 2], "labels": [IGNORED, *[20 + number] * (9 - number), 2]}
        for number in range(7)
    ]

    def trainer_of(size: int) -> Any:
        folder = tmp_path / str(size)
        folder.mkdir()
        config = TrainSftConfig(
            workspace=str(folder), model=str(tiny_model), examples="", batch_size=4, micro_batch_size=size,
            num_processes=1, learning_rate=0.0, checkpoint_steps=0,
        )  # fmt: skip
        job = TrainingJob(config=config, folder=str(folder), model=str(tiny_model), checkpoints_uri="", end_tokens=())
        write_examples(job.examples_file, examples, COLUMNS)
        with in_fp32():
            return make_trainer(job)

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    check_rows_weigh_the_same(trainer_of, model, _loss_by_hand, lambda row: len(row["labels"]) - 1)


def _loss_by_hand(model: Any, row: dict[str, list[int]]) -> torch.Tensor:
    """Return the sum over all tokens but the first, which is the prompt."""
    logits = model(input_ids=torch.tensor([row["input_ids"]])).logits[0, :-1]
    loss: torch.Tensor = -logits.log_softmax(-1).gather(1, torch.tensor(row["labels"][1:])[:, None]).sum()
    return loss
