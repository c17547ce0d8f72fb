"""Scorers, of difficulty or of rewards, are trained alike."""

from __future__ import annotations

from typing import Any

from pipelines.parameters import Scorer
from pipelines.resources import on_training_gpus
from pipelines.tasks import task_of

train_scorer = task_of("train_scorer")


def trained_scorer(run: Scorer, **by: Any) -> Any:
    """Train a scorer and return its folder; ``by``: on what, from which model, for which target."""
    task = train_scorer(
        run,
        epochs=run.scorer_epochs,
        batch_size=run.scorer_batch_size,
        max_examples=run.scorer_max_examples,
        learning_rate=run.scorer_learning_rate,
        parallelism=run.parallelism,
        num_nodes=run.training_nodes,
        seed=run.seed,
        **by,
    )
    return on_training_gpus(task, run).outputs["folder"]
