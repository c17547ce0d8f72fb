"""Regression with transformers' Trainer: one output, mean squared error; run as a module, it takes the job's file."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from transformers import (
    AutoModelForSequenceClassification,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
    set_seed,
)

from components.shared.models.loading import load
from components.shared.training.batch_order import batch_order
from components.shared.training.fine_tuning import (
    InGivenOrder,
    common_arguments,
    join_processes,
    load_examples,
    load_tokenizer,
    save_weights,
    train_and_save,
    with_blank,
)
from components.shared.training.job import IGNORED, TrainingJob
from components.shared.training.torchrun import work
from components.train_scorer.config import TrainScorerConfig

WARMUP_FRACTION = 0.03
BLANK = {"input_ids": [0], "labels": float(IGNORED)}


class OrderedTrainer(InGivenOrder, Trainer):  # type: ignore[misc]  # transformers is not typed for us
    """The Trainer, visiting the examples in our order."""


def make_trainer(job: TrainingJob[TrainScorerConfig]) -> OrderedTrainer:
    """Build the trainer, ready to train; examples of like length are padded to the longest."""
    config = job.config
    examples = load_examples(job)
    join_processes(config)
    common = common_arguments(job, int(WARMUP_FRACTION * config.num_steps(len(examples))))
    init = common.pop("model_init_kwargs")
    del common["max_length"]  # TRL's
    arguments = TrainingArguments(**common, remove_unused_columns=False)  # before the model: ZeRO-3 cuts it on loading
    set_seed(config.seed)
    model = load(AutoModelForSequenceClassification, job.model, num_labels=1, problem_type="regression", **init)
    tokenizer = load_tokenizer(job)
    set_padding(model, tokenizer, {ids[-1] for ids in examples["input_ids"]})
    trainer = OrderedTrainer(
        model=model,
        args=arguments,
        train_dataset=with_blank(examples, BLANK, config),
        processing_class=tokenizer,
        data_collator=DataCollatorWithPadding(tokenizer),
        compute_loss_func=squared_error,
    )
    lengths = [len(ids) for ids in examples["input_ids"]]
    trainer.order = batch_order(lengths, batch_size=config.batch_size, epochs=config.epochs, seed=config.seed)
    return trainer


def set_padding(model: Any, tokenizer: Any, last_tokens: set[int]) -> None:
    """Choose a padding token that ends no example, and write it into the model's config and the tokenizer.

    transformers reads a score at the last token that is not padding; where EOS is both, that would not be the end.
    """
    special = [token for token in (tokenizer.pad_token_id, *tokenizer.all_special_ids) if token is not None]
    candidates = itertools.chain(special, range(len(tokenizer)))
    padding = next(token for token in candidates if token not in last_tokens)
    tokenizer.pad_token = tokenizer.convert_ids_to_tokens(padding)
    tokenizer.padding_side = "right"
    model.config.get_text_config().pad_token_id = model.config.pad_token_id = padding


def squared_error(outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None) -> Any:
    """Return the mean squared error over the whole batch, of which this may be one of several passes."""
    taking_part = labels != IGNORED
    squares = torch.where(taking_part, (outputs.logits.float().squeeze(-1) - labels.float()) ** 2, 0.0)
    return squares.sum() / (taking_part.sum() if num_items_in_batch is None else num_items_in_batch)


def train(job: TrainingJob[TrainScorerConfig]) -> None:
    """Train to the end, then leave the model in bfloat16 and the figures in the job's folder."""
    trainer = make_trainer(job)
    train_and_save(job, trainer, [len(ids) for ids in trainer.train_dataset["input_ids"]], save_scorer)


def save_scorer(job: TrainingJob[TrainScorerConfig], trainer: Trainer) -> None:
    """Save bf16 weights and the tokenizer with the padding token that was chosen."""
    save_weights(job, trainer)
    if trainer.is_world_process_zero():
        trainer.processing_class.save_pretrained(job.model_folder)


if __name__ == "__main__":
    work(train, TrainScorerConfig)
