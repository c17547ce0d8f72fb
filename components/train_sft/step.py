"""Fine-tune a model on questions alone (QFT), or on responses."""

from __future__ import annotations

from typing import Any

from components.shared.errors import InputError
from components.shared.models import fetch_model
from components.shared.records import Question, Response
from components.shared.templates import ChatTemplate, load_chat_template
from components.shared.templates.marked_text import MarkedText
from components.shared.texts.prompts import SOLVE, fill_prompt, load_prompt
from components.shared.training.job import IGNORED
from components.shared.training.nodes import starts_nodes
from components.shared.training.step import TokenColumns, train_on_rows
from components.shared.workspace import Workspace
from components.shared.workspace.rows import Rows
from components.train_sft.config import TrainSftConfig

COLUMNS = ("input_ids", "labels")


def run(config: TrainSftConfig, workspace: Workspace) -> str:
    """Train, or continue training; return the model folder's address."""
    found = workspace.open(config)
    if found.finished:
        return found.uri
    rows = _read(config, workspace)
    if starts_nodes(config):
        from components.shared.training.launch import train_on_nodes

        return train_on_nodes(config, found)
    model = fetch_model(config.model)
    template = load_chat_template(config.chat_template, model)
    from components.shared.training.token_examples import ExampleEncoder

    encoder = ExampleEncoder(model)

    def encode(row: Question | Response) -> TokenColumns | str:
        prompt, completion = texts(row, template)
        example = encoder.encode(prompt, completion)
        if len(example) > config.max_tokens:
            return "too_long"
        labels = [IGNORED] * len(example.prompt_ids) + example.completion_ids
        return {"input_ids": example.prompt_ids + example.completion_ids, "labels": labels}

    return train_on_rows(
        config,
        found,
        rows=rows,
        encode=encode,
        columns=COLUMNS,
        model=model,
        template=template,
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
