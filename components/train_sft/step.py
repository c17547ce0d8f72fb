"""Fine-tune a model on questions alone (QFT), or on responses."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.config import option
from components.shared.errors import InputError
from components.shared.models import fetch_model
from components.shared.prompts import SOLVE, fill_prompt, load_prompt
from components.shared.records import Question, Response
from components.shared.rows import Rows
from components.shared.templates import ChatTemplate, load_chat_template
from components.shared.training_config import TrainingConfig
from components.shared.training_nodes import starts_nodes
from components.shared.training_step import TokenColumns, train_on_rows
from components.shared.workspace import Workspace

COLUMNS = ("input_ids", "labels")
IGNORED = -100  # a label that takes no part in the loss, by PyTorch's convention


@dataclass(frozen=True, kw_only=True)
class TrainSftConfig(TrainingConfig):
    """Fine-tune a model: on questions alone, so that it writes questions (QFT), or on responses."""

    examples: str = option(help="folder of Question or Response rows, by objective", is_folder=True)
    objective: str = option(
        "question",
        help="question: write a question after the bare user prefix; response: answer a question",
        choices=("question", "response"),
    )
    learning_rate: float = option(2e-5, help="peak; cosine to 0; the paper's code", minimum=0)
    batch_size: int = option(
        128,
        help="rows a step, over all processes and accumulated micro-batches; the paper's code takes 32 chunks of 256 "
        "tokens, which hold about as many questions",
        minimum=1,
    )
    warmup_fraction: float = option(
        0.03, help="share of the steps until the peak; the paper's code", minimum=0, maximum=1
    )

    @property
    def prompts(self) -> tuple[Path, ...]:
        """A response stands behind the prompt that asks for it, a question behind none."""
        return (SOLVE,) if self.objective == "response" else ()


def run(config: TrainSftConfig, workspace: Workspace) -> str:
    """Train, or continue training; return the model folder's address."""
    if finished := workspace.find_finished(config):
        return finished
    rows = _read(config, workspace)
    if starts_nodes(config):
        from components.shared.training_launch import train_on_nodes

        return train_on_nodes(config, workspace)
    model = fetch_model(config.model, chat=config.objective == "question")
    template = load_chat_template(config.chat_template, model)
    from components.shared.token_examples import ExampleEncoder

    encoder = ExampleEncoder(model)

    def encode(row: Question | Response) -> TokenColumns | str:
        prompt, completion = texts(row, template)
        example = encoder.encode(prompt, completion)
        if not encoder.ends_once(example):
            return "special_token"
        if len(example) > config.max_tokens:
            return "too_long"
        labels = [IGNORED] * len(example.prompt_ids) + example.completion_ids
        return {"input_ids": example.prompt_ids + example.completion_ids, "labels": labels}

    return train_on_rows(
        config,
        workspace,
        rows=rows,
        encode=encode,
        columns=COLUMNS,
        model=model,
        template=template,
        trainer_module="components.train_sft.trainer",
    )


def texts(row: Question | Response, template: ChatTemplate) -> tuple[str, str]:
    """Return the prompt, and what the model is to learn to write after it, its end token included."""
    if isinstance(row, Question):
        return template.bare_prefix, template.written_question(row.question.strip())
    message = fill_prompt(load_prompt(SOLVE), question=row.question.strip())
    return template.prompt(message), template.written_response(row.response.strip())


def warmup_steps(config: TrainSftConfig, num_rows: int) -> int:
    """Return the steps until the learning rate is at its peak."""
    return int(config.warmup_fraction * config.num_steps(num_rows))


def _read(config: TrainSftConfig, workspace: Workspace) -> Rows[Any]:
    try:
        if config.objective == "question":
            return workspace.read(config.examples, Question)
        return workspace.read(config.examples, Response)
    except InputError as error:
        raise InputError(f"--objective {config.objective} --examples {config.examples}: {error}") from error
