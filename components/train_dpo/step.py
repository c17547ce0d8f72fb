"""Optimise a question generator on preferred questions (QPO), by DPO."""

from __future__ import annotations

from dataclasses import dataclass

from components.shared.config import option
from components.shared.models import fetch_model
from components.shared.records import PreferencePair
from components.shared.templates import load_chat_template
from components.shared.training_config import TrainingConfig
from components.shared.training_nodes import starts_nodes
from components.shared.training_step import TokenColumns, train_on_rows
from components.shared.workspace import Workspace

COLUMNS = ("prompt_ids", "chosen_ids", "rejected_ids")


@dataclass(frozen=True, kw_only=True)
class TrainDpoConfig(TrainingConfig):
    """Optimise a question generator on pairs of questions by DPO; the model given is the reference, too."""

    pairs: str = option(help="folder of PreferencePair rows", is_folder=True)
    learning_rate: float = option(5e-7, help="peak; cosine to 0; paper", minimum=0)
    batch_size: int = option(
        128, help="pairs a step, over all processes and accumulated micro-batches; paper", minimum=1
    )
    max_tokens: int = option(
        1024,
        help="longest sequence, end token included; longer pairs are rejected; the paper's code (which cuts them)",
        minimum=2,
    )
    micro_batch_size: int = option(2, help="pairs that one process works on at once", affects_output=False, minimum=1)
    beta: float = option(0.1, help="how strongly the policy is held to the reference; the paper's code", minimum=0)
    warmup_steps: int = option(20, help="steps until the peak; the paper's code", minimum=0)
    max_warmup_fraction: float = option(
        0.3,
        help="largest share of the steps that the warm-up may take, for short trainings; 20 of the paper's 79 fit",
        minimum=0,
        maximum=1,
    )


def run(config: TrainDpoConfig, workspace: Workspace) -> str:
    """Train, or continue training; return the model folder's address."""
    if finished := workspace.find_finished(config):
        return finished
    rows = workspace.read(config.pairs, PreferencePair)
    if starts_nodes(config):
        from components.shared.training_launch import train_on_nodes

        return train_on_nodes(config, workspace)
    model = fetch_model(config.model, chat=True)
    template = load_chat_template(config.chat_template, model)
    from components.shared.token_examples import ExampleEncoder

    encoder = ExampleEncoder(model)

    def encode(row: PreferencePair) -> TokenColumns | str:
        if row.chosen.strip() == row.rejected.strip():
            return "unchanged"
        chosen, rejected = (
            encoder.encode(template.bare_prefix, template.written_question(text.strip()))
            for text in (row.chosen, row.rejected)
        )
        if not (encoder.ends_once(chosen) and encoder.ends_once(rejected)):
            return "special_token"
        if max(len(chosen), len(rejected)) > config.max_tokens:
            return "too_long"
        values = (chosen.prompt_ids, chosen.completion_ids, rejected.completion_ids)
        return dict(zip(COLUMNS, values, strict=True))

    return train_on_rows(
        config,
        workspace,
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
