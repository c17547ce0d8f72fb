"""Import questions into the workspace, with their final answers if they are known."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import PurePosixPath

from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.source import Source, SourceRow
from components.import_questions.table_source import TableSource, reader_of
from components.shared.addresses import parse_address
from components.shared.installed import installed_version
from components.shared.records import Question, Reject
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import OutputFolder
from components.shared.workspace.plans import Slice

GENERATORS = "reasoning-gym:"

logger = logging.getLogger(__name__)


def run(config: ImportQuestionsConfig, workspace: Workspace) -> str:
    """Check the whole source, then write its rows; return the folder's address."""
    config = dataclasses.replace(config, source=pin_source(config.source), name=config.name or _name_of(config.source))
    found = workspace.open(config)
    if found.finished:
        return found.uri
    source = open_source(config)
    number = source.count()
    logger.info("%s has %d rows", config.source, number)
    starts = range(0, number, config.rows_per_part)
    slices = [Slice(start=start, stop=min(start + config.rows_per_part, number)) for start in starts]
    folder = found.begin_rows(Question, slices)
    parts = {part.number: part for part in folder.missing_parts(in_order=True)}
    rows = judge_rows(source.rows(), folder, config.max_chars)
    for part_number, slice_ in enumerate(folder.slices):
        # Rows of parts that stand are judged again: a later row may repeat one of theirs.
        verdicts = list(islice(rows, len(slice_)))
        if part := parts.get(part_number):
            for index, verdict in enumerate(verdicts):
                if isinstance(verdict, Reject):
                    part.settle(index, rejected=[verdict])
                else:
                    part.settle(index, kept=[verdict])
    return folder.finish()


def pin_source(source: str) -> str:
    """Return the source with what may change settled: a branch's commit, the version of the generators' package."""
    if source.startswith(GENERATORS):
        return f"{source.partition('@')[0]}@{installed_version('reasoning-gym', source)}"
    if not source.startswith("hf://"):
        return source
    from components.shared.models import hugging_face

    return str(hugging_face.pin(parse_address(source, "dataset")))


def _name_of(source: str) -> str:
    if source.startswith(GENERATORS):
        return ""
    if source.startswith("hf://"):  # files are named alike there: train-00000-of-00001.parquet
        return parse_address(source, "dataset").repo.rpartition("/")[2]
    return PurePosixPath(source).stem


def open_source(config: ImportQuestionsConfig) -> Source:
    """Return the source that the options name; InputError for one that cannot be."""
    if config.source.startswith(GENERATORS):
        from components.import_questions.reasoning_gym_source import ReasoningGymSource

        names = config.source.removeprefix(GENERATORS).partition("@")[0].split(",")
        return ReasoningGymSource(
            generators=[name.strip() for name in names],
            num_questions=config.num_questions,
            seed=config.seed,
            origin=config.name,
        )
    reader_of(config.source)
    return TableSource(
        uri=_fetch(config.source),
        shown_as=config.source,
        question_column=config.question_column,
        answer_column="" if config.answer_column == "none" else config.answer_column,
        answer_marker=config.answer_marker,
        origin=config.name,
        limit=config.num_questions,
    )


def _fetch(source: str) -> str:
    if source.startswith("hf://"):
        from components.shared.models import hugging_face

        return str(hugging_face.download_file(parse_address(source, "dataset")))
    storage.scheme_of(source)
    return source


def judge_rows(rows: Iterator[SourceRow], folder: OutputFolder, max_chars: int) -> Iterator[Question | Reject]:
    """Yield each row as a question, or as the reject that it is."""
    first_ids: dict[bytes, str] = {}
    for index, row in enumerate(rows):
        text = row.question.strip()
        question = Question(id=folder.row_id(index), question=text, answer=row.answer, source=row.origin)
        first = first_ids.setdefault(digest_question(text), question.id)
        if not text:
            yield Reject(row=question, reason="empty")
        elif len(text) > max_chars:
            yield Reject(row=question, reason="too_long", detail=f"{len(text)} characters, at most {max_chars}")
        elif first != question.id:
            yield Reject(row=question, reason="duplicate", detail=first)
        else:
            yield question


def digest_question(text: str) -> bytes:
    """Return what two questions share that differ in case and white space alone; 16 bytes, to hold millions."""
    return hashlib.sha256(" ".join(text.split()).casefold().encode()).digest()[:16]
