"""Import questions into the workspace, with their final answers if they are known."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import string
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from components.import_questions.benchmark_source import RECORD, BenchmarkSource
from components.import_questions.benchmarks import Benchmark, Reading, benchmark_of
from components.import_questions.config import OF_DATASETS, OF_GENERATORS, ImportQuestionsConfig
from components.import_questions.folder_source import FolderSource
from components.import_questions.source import Source, SourceRow
from components.import_questions.source_files import addresses_on_hub, files_of, name_of_files
from components.import_questions.table_source import Columns, TableSource, answer_behind, answer_only_behind
from components.shared.addresses import parse_address
from components.shared.errors import InputError
from components.shared.installed import installed_version
from components.shared.publishing.stated_licenses import stated_on_hub
from components.shared.records import Question, Reject, Response
from components.shared.stores import storage
from components.shared.texts.math_answers import extract_final_answer
from components.shared.texts.symbols import INVISIBLE, without_invisible
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import OutputFolder
from components.shared.workspace.plans import Slice
from components.shared.workspace.row_sources import is_folder

GENERATORS = "reasoning-gym:"
CHECKED_SECONDS = 1.0
NO_COLUMN = "none"  # the answers are not known
READINGS: Mapping[Reading, Callable[[str], str]] = {
    "behind_marks": answer_only_behind("####"),
    "last_box": extract_final_answer,
    "as_it_is": str.strip,
}
BLANK = f"{string.whitespace}{INVISIBLE}"  # around a text

logger = logging.getLogger(__name__)


def run(config: ImportQuestionsConfig, workspace: Workspace) -> str:
    """Check the whole source, then write its rows; return the folder's address."""
    config = settle(config)
    _check_directory(config.source)
    found = workspace.open(config)
    if found.finished:
        return found.uri
    source = open_source(config, workspace.uri)
    number = source.count()
    logger.info("%s has %d rows", config.source, number)
    starts = range(0, number, config.rows_per_part)
    slices = [Slice(start=start, stop=min(start + config.rows_per_part, number)) for start in starts]
    folder = found.begin_rows(Response if config.response_column else Question, slices)
    if isinstance(source, BenchmarkSource):
        folder.add_file(RECORD, source.record())
    parts = {part.number: part for part in folder.missing_parts(in_order=True)}
    imported = (responses_of if config.response_column else questions_of)(source.rows(), folder)
    rows = imported if isinstance(source, BenchmarkSource) else judge_rows(imported, config)
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


def _check_directory(source: str) -> None:
    """Raise InputError for a directory that is no source, before the digest of all that it holds is taken."""
    if "://" not in source and storage.local_path(source).is_dir() and not is_folder(source):
        files_of(source)


def check_ahead(config: ImportQuestionsConfig, workspace: Workspace) -> None:
    """Raise InputError if the import would fail at one of its first rows; downloads no file of a hub.

    Of a file, it reads on for CHECKED_SECONDS.
    """
    config = settle(config)
    benchmark = benchmark_of(config.source)
    uri = config.benchmark_uri if benchmark else config.source
    if uri.startswith("hf://"):
        from components.shared.models import hugging_face

        hugging_face.check_file(addresses_on_hub(uri)[0])
        return
    source = open_source(config, workspace.uri)
    if isinstance(source, BenchmarkSource):
        source = source.table
    rows = source.rows()
    if next(rows, None) is None:
        raise InputError(f"--source {config.source} has no rows")
    begun = time.monotonic()
    while not config.source.startswith(GENERATORS) and time.monotonic() - begun < CHECKED_SECONDS:
        if next(rows, None) is None:
            return


def licenses_ahead(config: ImportQuestionsConfig) -> list[str]:
    """Return what states the licence of a data set on a hub; [] where its card has none.

    Of other sources there is nothing to look for: files are the user's own, and generators compute questions.
    """
    config = settle(config)
    uri = config.benchmark_uri if benchmark_of(config.source) else config.source
    return stated_on_hub(parse_address(uri, "dataset")) if uri.startswith("hf://") else ["the user's own"]


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
    return "" if is_folder(source) else name_of_files(source)  # rows of a folder of ours have sources


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
            is_worked=_takes_responses(config, OF_GENERATORS),
        )
    if benchmark := benchmark_of(config.source):
        table = open_benchmark_file(benchmark, config.benchmark_uri)
        place = storage.join(workspace, config.step)
        return BenchmarkSource(benchmark=benchmark, table=table, limit=config.num_questions, place=place)
    if is_folder(config.source):
        _takes_responses(config, OF_DATASETS)
        return FolderSource(
            uri=config.source,
            origin=config.name,
            limit=config.num_questions,
            with_answers=config.answer_column != NO_COLUMN,
        )
    return TableSource(
        files=files_of(config.source),
        shown_as=config.source,
        columns=Columns(
            question=config.question_column,
            answer="" if config.answer_column == NO_COLUMN else config.answer_column,
            subject=config.subject_column,
            level=config.level_column,
            response=config.response_column,
        ),
        keep_columns=config.keep_columns,
        read_answer=answer_behind(config.answer_marker),
        origin=config.name,
        limit=config.num_questions,
    )


def _takes_responses(config: ImportQuestionsConfig, accepted: str) -> bool:
    """Tell whether responses are asked for; InputError where the source has them under another name."""
    if config.response_column not in ("", accepted):
        raise InputError(f"--response-column {config.response_column!r}: expected {accepted} for {config.source}")
    return bool(config.response_column)


def open_benchmark_file(benchmark: Benchmark, uri: str) -> TableSource:
    """Return the rows of a benchmark that a file holds."""
    return TableSource(
        files=files_of(uri),
        shown_as=uri,
        columns=Columns(
            question=benchmark.question,
            answer=benchmark.answer,
            subject=benchmark.subject,
            level=benchmark.level,
            tolerance=benchmark.tolerance,
            named_by=f"benchmark {benchmark.name}",
        ),
        read_answer=READINGS[benchmark.reading],
        origin=benchmark.name,
        only=benchmark.only,
    )


def questions_of(rows: Iterator[SourceRow], folder: OutputFolder) -> Iterator[Question]:
    """Yield each row as a question. A benchmark is what it is, so its long and repeated questions stay."""
    for index, row in enumerate(rows):
        yield Question(
            id=folder.row_id(index),
            question=row.question.strip(BLANK),
            answer=row.answer,
            source=row.origin,
            subject=row.subject,
            level=row.level,
            metadata=row.metadata,
            tolerance=row.tolerance,
        )


def responses_of(rows: Iterator[SourceRow], folder: OutputFolder) -> Iterator[Response]:
    """Yield each row as a question's one response."""
    for index, row in enumerate(rows):
        yield Response(
            id=f"{folder.row_id(index)}-0",
            question_id=folder.row_id(index),
            question=row.question.strip(BLANK),
            answer=row.answer,
            source=row.origin,
            difficulty=None,
            sample=0,
            response=row.response.strip(BLANK),
            final_answer=extract_final_answer(row.response),
            finish_reason=row.finish_reason,
            num_tokens=0,
        )


def judge_rows(
    rows: Iterator[Question | Response], config: ImportQuestionsConfig
) -> Iterator[Question | Response | Reject]:
    """Yield each row, or the reject that it is. A question may have several responses, each of them once."""
    first_ids: dict[bytes, str] = {}
    for row in rows:
        response = row.response if isinstance(row, Response) else None
        first = first_ids.setdefault(digest_row(row.question, response or ""), row.id)
        if not row.question:
            yield Reject(row=row, reason="empty")
        elif response == "":
            yield Reject(row=row, reason="no_response")
        elif isinstance(row, Response) and row.finish_reason != "stop":
            yield Reject(row=row, reason="not_ended", detail=f"finish_reason {row.finish_reason!r}")
        elif len(row.question) > config.max_chars:
            length = f"{len(row.question)} characters, at most {config.max_chars}"
            yield Reject(row=row, reason="too_long", detail=length)
        elif first != row.id and not config.keep_repeated:
            yield Reject(row=row, reason="duplicate", detail=first)
        else:
            yield row


def digest_row(question: str, response: str) -> bytes:
    """Return what two rows share that differ in nothing that is seen but case; 16 bytes."""
    visible = (unicodedata.normalize("NFC", without_invisible(text)) for text in (question, response) if text)
    texts = ("\0".join(" ".join(text.split()) for text in visible)).casefold()
    return hashlib.sha256(texts.encode()).digest()[:16]
