"""Import questions into the workspace, with their final answers if they are known."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import PurePosixPath

from components.import_questions.benchmark_source import RECORD, BenchmarkSource
from components.import_questions.benchmarks import Benchmark, Reading, benchmark_of
from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.source import Source, SourceRow
from components.import_questions.table_source import Columns, TableSource, answer_behind, reader_of
from components.shared.addresses import parse_address
from components.shared.installed import installed_version
from components.shared.records import Question, Reject
from components.shared.stores import storage
from components.shared.texts.math_answers import extract_final_answer
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import OutputFolder
from components.shared.workspace.plans import Slice

GENERATORS = "reasoning-gym:"
READINGS: Mapping[Reading, Callable[[str], str]] = {
    "behind_marks": answer_behind("####"),
    "last_box": extract_final_answer,
    "as_it_is": str.strip,
}

logger = logging.getLogger(__name__)


def run(config: ImportQuestionsConfig, workspace: Workspace) -> str:
    """Check the whole source, then write its rows; return the folder's address."""
    config = settle(config)
    found = workspace.open(config)
    if found.finished:
        return found.uri
    source = open_source(config, workspace.uri)
    number = source.count()
    logger.info("%s has %d rows", config.source, number)
    starts = range(0, number, config.rows_per_part)
    slices = [Slice(start=start, stop=min(start + config.rows_per_part, number)) for start in starts]
    folder = found.begin_rows(Question, slices)
    if isinstance(source, BenchmarkSource):
        folder.add_file(RECORD, source.record())
    parts = {part.number: part for part in folder.missing_parts(in_order=True)}
    questions = questions_of(source.rows(), folder)
    rows = questions if isinstance(source, BenchmarkSource) else judge_rows(questions, config.max_chars)
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


def settle(config: ImportQuestionsConfig) -> ImportQuestionsConfig:
    """Return the config with all settled that may be another tomorrow, and with the names that it leaves open."""
    if benchmark := benchmark_of(config.source):
        return dataclasses.replace(config, benchmark_uri=pin_source(config.benchmark_uri or benchmark.address))
    return dataclasses.replace(config, source=pin_source(config.source), name=config.name or _name_of(config.source))


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


def open_source(config: ImportQuestionsConfig, workspace: str) -> Source:
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
    if benchmark := benchmark_of(config.source):
        table = open_benchmark_file(benchmark, config.benchmark_uri)
        place = storage.join(workspace, config.step)
        return BenchmarkSource(benchmark=benchmark, table=table, limit=config.num_questions, place=place)
    reader_of(config.source)
    return TableSource(
        uri=_fetch(config.source),
        shown_as=config.source,
        columns=Columns(
            question=config.question_column,
            answer="" if config.answer_column == "none" else config.answer_column,
            subject=config.subject_column,
            level=config.level_column,
        ),
        keep_columns=config.keep_columns,
        read_answer=answer_behind(config.answer_marker),
        origin=config.name,
        limit=config.num_questions,
    )


def open_benchmark_file(benchmark: Benchmark, uri: str) -> TableSource:
    """Return the rows of a benchmark that a file holds."""
    reader_of(uri)
    return TableSource(
        uri=_fetch(uri),
        shown_as=uri,
        columns=Columns(
            question=benchmark.question,
            answer=benchmark.answer,
            subject=benchmark.subject,
            level=benchmark.level,
            named_by=f"benchmark {benchmark.name}",
        ),
        read_answer=READINGS[benchmark.reading],
        origin=benchmark.name,
        only=benchmark.only,
    )


def _fetch(source: str) -> str:
    if source.startswith("hf://"):
        from components.shared.models import hugging_face

        return str(hugging_face.download_file(parse_address(source, "dataset")))
    storage.scheme_of(source)
    return source


def questions_of(rows: Iterator[SourceRow], folder: OutputFolder) -> Iterator[Question]:
    """Yield each row as a question. A benchmark is what it is, so its long and repeated questions stay."""
    for index, row in enumerate(rows):
        yield Question(
            id=folder.row_id(index),
            question=row.question.strip(),
            answer=row.answer,
            source=row.origin,
            subject=row.subject,
            level=row.level,
            metadata=row.metadata,
        )


def judge_rows(questions: Iterator[Question], max_chars: int) -> Iterator[Question | Reject]:
    """Yield each question, or the reject that it is."""
    first_ids: dict[bytes, str] = {}
    for question in questions:
        text = question.question
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
