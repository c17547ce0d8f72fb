"""Fine-tune a model on questions alone (QFT), or on responses."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.shared.config import folders
from components.shared.errors import InputError
from components.shared.records import Example, Question, Response, kind_of
from components.shared.templates import ChatTemplate, load_chat_template
from components.shared.templates.marked_text import MarkedText
from components.shared.texts.prompts import SOLVE, fill_prompt, load_prompt
from components.shared.training.job import IGNORED
from components.shared.training.step import Examples, TokenColumns, train, write_token_rows
from components.shared.workspace import Workspace
from components.shared.workspace.row_sources import open_source
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

        def encode(row: Question | Response | Example) -> TokenColumns | str:
            prompt, completion = texts(row, template)
            example = encoder.encode(prompt, completion)
            if len(example) > config.max_tokens:
                return "too_long"
            labels = [IGNORED] * len(example.prompt_ids) + example.completion_ids
            return {"input_ids": example.prompt_ids + example.completion_ids, "labels": labels}

        examples = write_token_rows(config, rows, encode, COLUMNS, model, file)
        examples.end_tokens = template.question_end, template.response_end
        if config.objective == "response":
            from components.shared.templates.written_template import write_template

            examples.complete = partial(write_template, template=template)
        return examples

    return train(
        config,
        workspace,
        read=lambda: _read(config, workspace),
        prepare=prepare,
        trainer_module="components.train_sft.trainer",
    )


def texts(row: Question | Response | Example, template: ChatTemplate) -> tuple[MarkedText, MarkedText]:
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
        return workspace.read(config.examples, _record_of(config))
    except InputError as error:
        raise InputError(f"--objective {config.objective} --examples {config.examples}: {error}") from error


def _record_of(config: TrainSftConfig) -> type[Question | Response | Example]:
    """Return the kind of rows that is read; a dataset's rows are responses as well."""
    if config.objective == "question":
        return Question
    first = folders(config.examples)[0]
    return Example if open_source(first).kind == kind_of(Example) else Response
