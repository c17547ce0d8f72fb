"""Train a scorer: a model with one output, from measured fail rates or from verified responses."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from components.shared.config import option
from components.shared.errors import InputError
from components.shared.models import fetch_model
from components.shared.records import FailRate
from components.shared.templates import CHAT_TEMPLATES, load_chat_template
from components.shared.training_config import TrainingConfig
from components.shared.training_job import TrainingJob
from components.shared.training_nodes import starts_nodes
from components.shared.training_processes import run_training
from components.shared.workspace import Workspace
from components.train_scorer.examples import TARGETS, Drawn, HeldOut, count_examples, examples_of


@dataclass(frozen=True, kw_only=True)
class TrainScorerConfig(TrainingConfig):
    """Train a scorer on measured fail rates: of a question's difficulty, or of a response's correctness."""

    examples: str = option(help="folder of FailRate rows, or a JSON list of them", is_folder=True)
    target: str = option(
        "difficulty", help="difficulty: question to fail rate; reward: conversation to 1 (right) or 0", choices=TARGETS
    )
    chat_template: str = option(
        "chatml", help="the start model's chat family, for --target reward", choices=CHAT_TEMPLATES
    )
    learning_rate: float = option(1e-5, help="peak, after 3 % of the steps; cosine to 0", minimum=0)
    batch_size: int = option(32, help="examples a step, over all processes and accumulated micro-batches", minimum=1)
    max_tokens: int = option(2048, help="longest example; longer ones are rejected, not cut", minimum=2)
    max_examples: int = option(0, help="examples at most, held-out ones included, drawn by the seed; 0: all", minimum=0)
    held_out_fraction: float = option(
        0.1, help="share of the questions that measure the scorer instead of training it", minimum=0.0, maximum=0.9
    )
    seed: int = option(0, help="of the order, of the head's first weights and of which questions are held out")


def run(config: TrainScorerConfig, workspace: Workspace) -> str:
    """Train, or continue training, measure on the held-out questions; return the model folder's address."""
    if finished := workspace.find_finished(config):
        return finished
    rows = workspace.read(config.examples, FailRate)
    if starts_nodes(config):
        from components.shared.training_launch import train_on_nodes

        return train_on_nodes(config, workspace)
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
        folder = workspace.create_model(config)
        job = TrainingJob(
            config=config, folder=scratch, model=str(base), checkpoints_uri=folder.checkpoints_uri, end_tokens=()
        )
        metrics = run_training(job, "components.train_scorer.trainer")
        if metrics is None:
            return folder.uri
        metrics |= measure(config, job.model_folder, split)
        folder.finish(job.model_folder, metrics=metrics, rows_in=num_examples, rejects=split.rejects, record=FailRate)
        folder.delete_checkpoints()
        return folder.uri
