"""Optimise a question generator on preferred questions (QPO), by DPO."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from components.shared.records import PreferencePair
from components.shared.templates import load_chat_template
from components.shared.training.step import Examples, TokenColumns, train, write_token_rows
from components.shared.workspace import Workspace
from components.shared.workspace.rows import Rows
from components.train_dpo.config import TrainDpoConfig

if TYPE_CHECKING:
    from components.shared.training.start_model import StartModel

COLUMNS = ("prompt_ids", "chosen_ids", "rejected_ids")


def run(config: TrainDpoConfig, workspace: Workspace) -> str:
    """Train, or continue training; return the model folder's address."""

    def prepare(rows: Rows[PreferencePair], model: StartModel, file: Path) -> Examples:
        from components.shared.training.token_examples import ExampleEncoder

        template = load_chat_template(config.chat_template, model.folder)
        encoder = ExampleEncoder(model.folder)

        def encode(row: PreferencePair) -> TokenColumns | str:
            if row.chosen.strip() == row.rejected.strip():
                return "unchanged"
            chosen, rejected = (
                encoder.encode(template.prompt(""), template.written_question(text))
                for text in (row.chosen, row.rejected)
            )
            if max(len(chosen), len(rejected)) > config.max_tokens:
                return "too_long"
            values = (chosen.prompt_ids, chosen.completion_ids, rejected.completion_ids)
            return dict(zip(COLUMNS, values, strict=True))

        examples = write_token_rows(config, rows, encode, COLUMNS, model, file)
        return dataclasses.replace(examples, end_tokens=(template.question_end, template.response_end))

    return train(
        config,
        workspace,
        read=lambda: workspace.read(config.pairs, PreferencePair),
        prepare=prepare,
        trainer_module="components.train_dpo.trainer",
    )


def warmup_steps(config: TrainDpoConfig, num_rows: int) -> int:
    """Return the steps until the learning rate is at its peak: those asked for, few enough for a short training."""
    return min(config.warmup_steps, int(config.max_warmup_fraction * config.num_steps(num_rows)))
