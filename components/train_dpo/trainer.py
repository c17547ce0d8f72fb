"""Direct preference optimisation with TRL, on rows of token ids; run as a module, it takes the job's file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import broadcast_object_list
from datasets import Dataset
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import DPOConfig, DPOTrainer

from components.shared.training.batch_order import batch_order
from components.shared.training.fine_tuning import (
    InGivenOrder,
    common_arguments,
    join_processes,
    load_examples,
    load_tokenizer,
    save_language_model,
    train_and_save,
    with_blank,
)
from components.shared.training.job import TrainingJob
from components.shared.training.torchrun import work
from components.train_dpo.config import TrainDpoConfig
from components.train_dpo.step import warmup_steps

REFERENCE = "reference.json"  # in a checkpoint
REFERENCE_COLUMNS = ("ref_chosen_logps", "ref_rejected_logps")  # TRL's names
BLANK: Mapping[str, list[int]] = {"prompt_ids": [0], "chosen_ids": [], "rejected_ids": []}
BLANK_LOSS = math.log(2)  # of a pair of which nothing is to be written: policy and reference agree on it
FIGURES = {"rewards/accuracies": "reward_accuracy", "rewards/margins": "reward_margin"}  # TRL's names and ours


class OrderedDPOTrainer(InGivenOrder, DPOTrainer):  # type: ignore[misc]  # TRL is not typed
    """TRL's trainer, visiting the pairs in our order, which are token ids already.

    A training that continues takes the reference's log-probabilities out of its checkpoint. Each pair of a step weighs
    the same in its loss, in whichever micro-batch it stands: TRL 1.16 takes the mean of their means, which gives more
    to the pairs of the last one where that is smaller.
    """

    loss_is_scaled_for_ga = True  # by compute_loss

    def __init__(self, *, job: TrainingJob[TrainDpoConfig], **given: Any) -> None:
        self._job = job
        super().__init__(**given)

    def _prepare_dataset(self, dataset: Dataset, *_: Any, **__: Any) -> Dataset:
        # TRL 1.16 has no other door for token ids: from texts it would add BOS and end tokens by rules of its own.
        return dataset

    def _get_num_items_in_batch(self, batch_samples: Sequence[Mapping[str, Any]], device: torch.device) -> torch.Tensor:
        """Return the number of a step's pairs, over all processes; transformers counts labels, which these lack."""
        pairs = torch.tensor(sum(map(_num_pairs, batch_samples)), device=device)
        total: torch.Tensor = self.accelerator.gather(pairs).sum()
        return total

    def compute_loss(
        self,
        model: Any,
        inputs: Mapping[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return the share that a micro-batch has in the mean loss of its step; without a step, its own mean."""
        mean: torch.Tensor = super().compute_loss(model, inputs)
        if num_items_in_batch is None:
            return mean
        rows, processes = len(inputs["input_ids"]) // 2, self.accelerator.num_processes
        weight = rows * processes * self.current_gradient_accumulation_steps / int(num_items_in_batch)
        for name in FIGURES:
            self._metrics["train"][name][-1] *= weight  # TRL logs the mean of these
        total = mean * rows - (rows - _num_pairs(inputs)) * BLANK_LOSS
        share: torch.Tensor = total * processes / int(num_items_in_batch)
        return share

    def _precompute_ref_logps(self, dataset: Dataset, name: str, batch_size: int) -> Dataset:
        if self._job.resume_from:
            content = json.loads(Path(self._job.resume_from, REFERENCE).read_text(encoding="utf-8"))
        elif self._job.config.num_nodes == 1:
            return super()._precompute_ref_logps(dataset, name, batch_size)
        else:
            content = self._reference_of_all_machines(dataset, name, batch_size)
        for column, values in content.items():
            blanks = [0.0] * (len(dataset) - len(values))  # a checkpoint of one process has none
            dataset = dataset.add_column(column, [*values, *blanks])
        return dataset

    def _reference_of_all_machines(self, dataset: Dataset, name: str, batch_size: int) -> dict[str, list[float]]:
        """Return the columns that all processes compute together: TRL 1.16 leaves them on the first machine's disk."""
        content: list[dict[str, list[float]]] = [{}]
        try:
            scored = super()._precompute_ref_logps(dataset, name, batch_size)
            content = [{column: scored[column][:] for column in REFERENCE_COLUMNS}]
        except FileNotFoundError:
            if self._job.node == 0:
                raise
        broadcast_object_list(content)
        return content[0]


class KeepReference(TrainerCallback):  # type: ignore[misc]  # transformers is not typed for us
    """Puts the reference's log-probabilities into each checkpoint: they are computed once, by the start model."""

    def __init__(self, examples: Dataset, num_pairs: int) -> None:
        self._content = json.dumps({column: examples[column][:num_pairs] for column in REFERENCE_COLUMNS})

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if state.is_world_process_zero:
            folder = Path(args.output_dir, f"checkpoint-{state.global_step}")
            (folder / REFERENCE).write_text(self._content, encoding="utf-8")


def _num_pairs(inputs: Mapping[str, Any]) -> int:
    """Return how many pairs of a micro-batch, which holds the chosen before the rejected, are no blank rows."""
    chosen, _ = inputs["completion_mask"].chunk(2)
    return int(chosen.any(dim=1).sum())


def make_trainer(job: TrainingJob[TrainDpoConfig]) -> OrderedDPOTrainer:
    """Build the trainer; the reference's log-probabilities are computed here, once, by the start model itself.

    The pairs lie in the order of the first epoch, so that the reference sees the batches that the policy will see:
    pairs of like length, and in the first epoch the same ones, rounded alike.
    """
    config = job.config
    join_processes(config)
    examples = load_examples(job)
    lengths = [max(len(row["chosen_ids"]), len(row["rejected_ids"])) for row in examples]
    order = batch_order(lengths, batch_size=config.batch_size, epochs=config.epochs, seed=config.seed)
    places = {index: place for place, index in enumerate(order[: len(examples)])}
    arguments = DPOConfig(
        **common_arguments(job, warmup_steps(config, len(examples))),
        beta=config.beta,
        loss_type=["sigmoid"],
        precompute_ref_log_probs=True,
        precompute_ref_batch_size=config.micro_batch_size,
    )
    trainer = OrderedDPOTrainer(
        model=job.model,
        args=arguments,
        train_dataset=with_blank(examples.select(list(places)), BLANK, config),
        processing_class=load_tokenizer(job),
        job=job,
    )
    trainer.order = [places[index] for index in order]
    trainer.add_callback(KeepReference(trainer.train_dataset, len(examples)))
    return trainer


def train(job: TrainingJob[TrainDpoConfig]) -> None:
    """Train and leave model and figures in the job's folder."""
    trainer = make_trainer(job)
    tokens = [
        2 * len(row["prompt_ids"]) + len(row["chosen_ids"]) + len(row["rejected_ids"]) for row in trainer.train_dataset
    ]
    train_and_save(job, trainer, tokens, save_language_model)
    if trainer.is_world_process_zero():
        _add_figures(job, trainer.state.log_history)


def _add_figures(job: TrainingJob[TrainDpoConfig], log: list[dict[str, float]]) -> None:
    """Add how well chosen and rejected were told apart, over all steps and at the last one."""
    metrics = job.read_metrics()
    for theirs, ours in FIGURES.items():
        values = [entry[theirs] for entry in log if theirs in entry]
        metrics |= {f"{ours}_mean": sum(values) / len(values), f"{ours}_last": values[-1]}
    job.write_metrics(metrics)


if __name__ == "__main__":
    work(train, TrainDpoConfig)
