"""Train a scorer: a model with one output, from measured fail rates or from verified responses."""

from __future__ import annotations

import tempfile
from pathlib import Path

from components.shared.errors import InputError
from components.shared.models import fetch_model
from components.shared.records import FailRate
from components.shared.templates import load_chat_template
from components.shared.training.job import TrainingJob
from components.shared.training.nodes import starts_nodes
from components.shared.training.processes import run_training
from components.shared.workspace import Workspace
from components.train_scorer.config import TrainScorerConfig
from components.train_scorer.examples import Drawn, HeldOut, count_examples, examples_of


def run(config: TrainScorerConfig, workspace: Workspace) -> str:
    """Train, or continue training, measure on the held-out questions; return the model folder's address."""
    found = workspace.open(config)
    if found.finished:
        return found.uri
    rows = workspace.read(config.examples, FailRate)
    if starts_nodes(config):
        from components.shared.training.launch import train_on_nodes

        return train_on_nodes(config, found)
    num_examples = count_examples(rows, config.target)
    if not num_examples:
        raise InputError(f"--examples {config.examples} holds nothing to train a {config.target} scorer on")
    base = fetch_model(config.model)
    template = load_chat_template(config.chat_template, base) if config.target == "reward" else None
    from components.train_scorer.splitting import measure, split_examples

    drawn = Drawn(examples_of(rows, template), config.max_examples, config.seed)
    asked = (example.row.question for example in examples_of(rows, template) if example in drawn)
    held_out = HeldOut(asked, config.held_out_fraction, config.seed)
    with tempfile.TemporaryDirectory(prefix=f"{config.step}-") as scratch:
        file = Path(scratch, "examples.arrow")
        split = split_examples(config, base, examples_of(rows, template), drawn, held_out, file)
        folder = found.begin_model()
        checkpoints = folder.checkpoints_uri
        job = TrainingJob(config=config, folder=scratch, model=str(base), checkpoints_uri=checkpoints, end_tokens=())
        metrics = run_training(job, "components.train_scorer.trainer")
        if metrics is None:
            return folder.uri
        metrics |= measure(config, job.model_folder, split)
        folder.finish(
            job.model_folder,
            metrics=metrics,
            arithmetic=job.read_arithmetic(),
            rows_in=num_examples,
            rejects=split.rejects,
            record=FailRate,
        )
        folder.delete_checkpoints()
        return folder.uri
