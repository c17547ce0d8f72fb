"""What a scorer learns from: each example weighs the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from components.shared.training.job import TrainingJob
from components.train_scorer.config import TrainScorerConfig
from components.train_scorer.splitting import SCHEMA
from components.train_scorer.trainer import OrderedTrainer, make_trainer
from tests.components.shared.gradients import check_rows_weigh_the_same, in_fp32

EXAMPLES = [{"input_ids": [20 + number] * (9 - number) + [2], "labels": number / 7} for number in range(7)]


def trainer_of(folder: Path, model: Path, micro_batch_size: int) -> OrderedTrainer:
    """Return the real trainer of seven uneven examples, in steps of four and three."""
    config = TrainScorerConfig(
        workspace=str(folder), model=str(model), examples="", batch_size=4, micro_batch_size=micro_batch_size,
        num_processes=1, learning_rate=0.0, checkpoint_steps=0,
    )  # fmt: skip
    folder.mkdir()
    job = TrainingJob(config=config, folder=str(folder), model=str(model), checkpoints_uri="", end_tokens=())
    with pa.OSFile(str(job.examples_file), "wb") as file, pa.ipc.new_stream(file, SCHEMA) as stream:
        stream.write_batch(pa.RecordBatch.from_pylist(EXAMPLES, schema=SCHEMA))
    with in_fp32():
        return make_trainer(job)


def loss_by_hand(model: Any, row: dict[str, Any]) -> torch.Tensor:
    """Return the squared error of the score at the last token."""
    logits = model.score(model.model(input_ids=torch.tensor([row["input_ids"]])).last_hidden_state[0, -1])
    error: torch.Tensor = (logits[0] - row["labels"]) ** 2
    return error


@pytest.mark.slow
def test_each_example_weighs_the_same_in_micro_batches_of_any_size(tmp_path: Path, tiny_scorer: Path) -> None:
    check_rows_weigh_the_same(
        lambda size: trainer_of(tmp_path / str(size), tiny_scorer, size),
        AutoModelForSequenceClassification.from_pretrained(tiny_scorer),
        loss_by_hand,
    )
