"""Fine-tune a model on questions alone (QFT), or on responses."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.errors import InputError
from components.shared.records import Question, Response
from components.shared.templates import ChatTemplate, load_chat_template
from components.shared.templates.marked_text import MarkedText
from components.shared.texts.prompts import SOLVE, fill_prompt, load_prompt
from components.shared.training.job import IGNORED
from components.shared.training.step import Examples, TokenColumns, train, write_token_rows
from components.shared.workspace import Workspace
from components.shared.workspace.rows import Rows
from components.train_sft.config import TrainSftConfig

if TYPE_CHECKING:
    from components.shared.training.start_model import StartModel

COLUMNS = ("input_ids", "labels")


def run(config: TrainSftConfig, workspace: Workspace) -> str:
    """Train, or continue training; return the model folder's address."""

    def prepare(rows: Rows[Any], model: StartModel, file: Path) -> Examples:
        from components.shared.training.token_examples import ExampleEncoder

        template = load_chat_template(config.chat_template, model.folder)
        encoder = ExampleEncoder(model.folder)

        def encode(row: Question | Response) -> TokenColumns | str:
            prompt, completion = texts(row, template)
            example = encoder.encode(prompt, completion)
            if len(example) > config.max_tokens:
                return "too_long"
            labels = [IGNORED] * len(example.prompt_ids) + example.completion_ids
            return {"input_ids": example.prompt_ids + example.completion_ids, "labels": labels}

        examples = write_token_rows(config, rows, encode, COLUMNS, model, file)
        return dataclasses.replace(examples, end_tokens=(template.question_end, template.response_end))

    return train(
        config,
        workspace,
        read=lambda: _read(config, workspace),
        prepare=prepare,
        trainer_module="components.train_sft.trainer",
    )


def texts(row: Question | Response, template: ChatTemplate) -> tuple[MarkedText, MarkedText]:
    """Return the prompt, and what the model is to learn to write after it, its end token included."""
    if isinstance(row, Question):
        return template.prompt(""), template.written_question(row.question)
    message = fill_prompt(load_prompt(SOLVE), question=row.question.strip())
    return template.prompt(message), template.written_response(row.response)


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
