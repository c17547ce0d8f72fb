"""What reaches the model: the pairs that the real trainer collates."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from components.shared.templates import load_chat_template
from components.shared.training.job import TrainingJob, write_examples
from components.shared.training.token_examples import ExampleEncoder
from components.train_dpo.config import TrainDpoConfig
from components.train_dpo.step import COLUMNS
from components.train_dpo.trainer import make_trainer


@pytest.mark.parametrize("family", ["chatml", "deepseek_math"])
def test_both_questions_follow_the_bare_prefix_and_end_once(tmp_path: Path, tiny_model: Path, family: str) -> None:
    config = TrainDpoConfig(
        workspace=str(tmp_path), model=str(tiny_model), pairs="", chat_template=family, batch_size=2,
        micro_batch_size=2, num_processes=1,
    )  # fmt: skip
    tokenizer, template = AutoTokenizer.from_pretrained(tiny_model), load_chat_template(family, tiny_model)
    encoder = ExampleEncoder(tiny_model)
    chosen, rejected = (encoder.encode(template.bare_prefix, template.written_question(text)) for text in ("2+2?", "x"))
    row = dict(zip(COLUMNS, (chosen.prompt_ids, chosen.completion_ids, rejected.completion_ids), strict=True))
    job = TrainingJob(config=config, folder=str(tmp_path), model=str(tiny_model), checkpoints_uri="", end_tokens=())
    write_examples(job.examples_file, [row, row], COLUMNS)

    (batch,) = list(make_trainer(job).get_train_dataloader())

    assert batch["ref_chosen_logps"].shape == (2,)  # the reference's log-probabilities came with the rows
    for ids, attended, learned, text in zip(
        batch["input_ids"], batch["attention_mask"], batch["completion_mask"], ("2+2?", "2+2?", "x", "x"), strict=True
    ):
        whole = tokenizer.decode(ids[attended == 1])
        assert whole == template.bare_prefix + template.written_question(text)
        assert tokenizer.decode(ids[learned == 1]) == template.written_question(text)
