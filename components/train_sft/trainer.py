"""Supervised fine-tuning with TRL, on rows of token ids; run as a module, it takes the job's file."""

from __future__ import annotations

from trl import SFTConfig, SFTTrainer

from components.shared.training.batch_order import batch_order
from components.shared.training.fine_tuning import (
    InGivenOrder,
    attention,
    common_arguments,
    join_processes,
    load_examples,
    load_tokenizer,
    save_language_model,
    train_and_save,
    with_blank,
)
from components.shared.training.job import IGNORED, TrainingJob
from components.shared.training.torchrun import work
from components.train_sft.config import TrainSftConfig
from components.train_sft.step import warmup_steps

BLANK = {"input_ids": [0], "labels": [IGNORED]}


class OrderedSFTTrainer(InGivenOrder, SFTTrainer):  # type: ignore[misc]  # TRL is not typed
    """TRL's trainer, visiting the examples in our order."""


def make_trainer(job: TrainingJob[TrainSftConfig]) -> OrderedSFTTrainer:
    """Build the trainer, ready to train.

    With flash attention a micro-batch is one row without padding, in which attention keeps the samples apart; the
    paper's code packs without that. Else samples of like length are padded to the longest.
    """
    config = job.config
    join_processes(config)
    examples = load_examples(job)
    arguments = SFTConfig(
        **common_arguments(job, warmup_steps(config, len(examples))),
        padding_free=attention() == "flash_attention_2",
    )
    trainer = OrderedSFTTrainer(
        model=job.model,
        args=arguments,
        train_dataset=with_blank(examples, BLANK, config),
        processing_class=load_tokenizer(job),
    )
    lengths = [len(ids) for ids in examples["input_ids"]]
    trainer.order = batch_order(lengths, batch_size=config.batch_size, epochs=config.epochs, seed=config.seed)
    return trainer


def train(job: TrainingJob[TrainSftConfig]) -> None:
    """Train and leave model and figures in the job's folder."""
    trainer = make_trainer(job)
    train_and_save(job, trainer, [len(ids) for ids in trainer.train_dataset["input_ids"]], save_language_model)


if __name__ == "__main__":
    work(train, TrainSftConfig)
