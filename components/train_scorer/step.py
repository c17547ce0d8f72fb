"""Train a scorer: a model with one output, from measured fail rates or from verified responses."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from components.shared.errors import InputError
from components.shared.records import FailRate
from components.shared.templates import load_chat_template
from components.shared.training.step import Examples, train
from components.shared.workspace import Workspace
from components.shared.workspace.rows import Rows
from components.train_scorer.config import TrainScorerConfig
from components.train_scorer.examples import Drawn, HeldOut, count_examples, examples_of

if TYPE_CHECKING:
    from components.shared.training.start_model import StartModel


def run(config: TrainScorerConfig, workspace: Workspace) -> str:
    """Train, or continue training, measure on the held-out questions; return the model folder's address."""

    def prepare(rows: Rows[FailRate], model: StartModel, file: Path) -> Examples:
        num_examples = count_examples(rows, config.target)
        if not num_examples:
            raise InputError(f"--examples {config.examples} has nothing to train a {config.target} scorer on")
        template = load_chat_template(config.chat_template, model.folder) if config.target == "reward" else None
        from components.train_scorer.splitting import measure, split_examples

        drawn = Drawn(examples_of(rows, template), config.max_examples, config.seed)
        asked = (example.row.question for example in examples_of(rows, template) if example in drawn)
        held_out = HeldOut(asked, config.held_out_fraction, config.seed)
        split = split_examples(config, model, examples_of(rows, template), drawn, held_out, file)
        return Examples(
            num_examples=split.num_trained,
            rows_in=num_examples,
            rejects=split.rejects,
            measure=partial(measure, config, split=split),
        )

    return train(
        config,
        workspace,
        read=lambda: workspace.read(config.examples, FailRate),
        prepare=prepare,
        trainer_module="components.train_scorer.trainer",
        as_scorer=True,
    )
