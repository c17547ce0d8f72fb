"""Optimise a question generator on preferred questions (QPO), by DPO."""

from __future__ import annotations

from components.shared.models import fetch_model
from components.shared.records import PreferencePair
from components.shared.templates import load_chat_template
from components.shared.training.nodes import starts_nodes
from components.shared.training.step import TokenColumns, train_on_rows
from components.shared.workspace import Workspace
from components.train_dpo.config import TrainDpoConfig

COLUMNS = ("prompt_ids", "chosen_ids", "rejected_ids")


def run(config: TrainDpoConfig, workspace: Workspace) -> str:
    """Train, or continue training; return the model folder's address."""
    found = workspace.open(config)
    if found.finished:
        return found.uri
    rows = workspace.read(config.pairs, PreferencePair)
    if starts_nodes(config):
        from components.shared.training.launch import train_on_nodes

        return train_on_nodes(config, found)
    model = fetch_model(config.model)
    template = load_chat_template(config.chat_template, model)
    from components.shared.training.token_examples import ExampleEncoder

    encoder = ExampleEncoder(model)

    def encode(row: PreferencePair) -> TokenColumns | str:
        if row.chosen.strip() == row.rejected.strip():
            return "unchanged"
        chosen, rejected = (
            encoder.encode(template.prompt(""), template.written_question(text)) for text in (row.chosen, row.rejected)
        )
        if max(len(chosen), len(rejected)) > config.max_tokens:
            return "too_long"
        values = (chosen.prompt_ids, chosen.completion_ids, rejected.completion_ids)
        return dict(zip(COLUMNS, values, strict=True))

    return train_on_rows(
        config,
        found,
        rows=rows,
        encode=encode,
        columns=COLUMNS,
        model=model,
        template=template,
        trainer_module="components.train_dpo.trainer",
    )


def warmup_steps(config: TrainDpoConfig, num_rows: int) -> int:
    """Return the steps until the learning rate is at its peak: those asked for, few enough for a short training."""
    return min(config.warmup_steps, int(config.max_warmup_fraction * config.num_steps(num_rows)))
