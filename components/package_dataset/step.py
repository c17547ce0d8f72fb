"""Publish the selected responses as a dataset that says how it was made."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType

from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.croissant import NAME as CROISSANT
from components.package_dataset.croissant import render_croissant
from components.package_dataset.diversity import QuestionSample
from components.package_dataset.documents import Contents, Lineage, render_card, render_lineage, render_report, trace
from components.package_dataset.exports import Exports
from components.package_dataset.overview import overview_text, summarize
from components.shared.command.kubeflow_artifacts import PAGE_NAME, Views
from components.shared.errors import InputError
from components.shared.publishing.licenses import UNNAMED, forbidding
from components.shared.publishing.stated_licenses import license_texts
from components.shared.publishing.tiers import tier_of
from components.shared.records import Example, Response, as_dict
from components.shared.report.row_figures import RowFigures, shown
from components.shared.report.row_samples import Draw, with_others
from components.shared.texts.math_answers import AnswerChecker
from components.shared.workspace import Workspace
from components.shared.workspace.costs import account_of
from components.shared.workspace.output_folders import OutputFolder

VIEWS: Views[PackageDatasetConfig] = MappingProxyType({"summary": summarize, "overview": overview_text})


def example_of(row: Response, *, keep_thoughts: bool = False) -> Example:
    """Return what is published of a response: nothing learns from a thought unless it is asked for."""
    names = {field.name for field in dataclasses.fields(Example)} - {"tier"}
    example = Example(**{name: getattr(row, name) for name in names})
    thought = row.thought if keep_thoughts else ""
    return dataclasses.replace(example, thought=thought, tier=tier_of(example, is_right=row.is_right is True))


def to_jsonl(rows: Sequence[Example]) -> bytes:
    """Return rows as JSON, one a line, with the columns and values of the Parquet part."""
    return "".join(json.dumps(as_dict(row), ensure_ascii=False) + "\n" for row in rows).encode()


def run(config: PackageDatasetConfig, workspace: Workspace) -> str:
    """Write the dataset and its documents; return the folder's address."""
    responses = workspace.read(config.responses, Response)
    # Only a licence is checked against what the rows were made with, before anything is written.
    lineage = None if config.license in UNNAMED else _checked(config.license, trace(responses.uris))
    folder = workspace.open(config, responses).begin_rows(Example, [slice_ for slice_ in responses.slices() if slice_])
    with AnswerChecker() as checker:
        for part in folder.missing_parts():
            for index, row in enumerate(_compared(responses.read(part.slice), checker)):
                part.settle(index, kept=[example_of(row, keep_thoughts=config.keep_thoughts)])
    if folder.finished:
        return folder.uri
    figures = _write_documents(config, folder, responses.uris, lineage or trace(responses.uris))
    return folder.finish(lambda _: figures)


def _compared(rows: Sequence[Response], checker: AnswerChecker) -> list[Response]:
    """Return the rows with what select_responses says of their answers, where they have not been through it."""
    left = [row.answer != "" and row.is_right is None for row in rows]
    pairs = ((row.answer, row.final_answer) for row, is_left in zip(rows, left, strict=True) if is_left)
    right = iter(checker.equal(pairs))
    return [
        dataclasses.replace(row, is_right=next(right)) if is_left else row
        for row, is_left in zip(rows, left, strict=True)
    ]


def _checked(license_: str, lineage: Lineage) -> Lineage:
    """Raise InputError if a model that the rows were made with forbids a licence, as far as its own file is known."""
    if forbidden := forbidding(license_, license_texts(lineage.stages)):
        raise InputError(f"--license {license_}: {'; '.join(forbidden)}")
    return lineage


def _write_documents(
    config: PackageDatasetConfig, folder: OutputFolder, sources: Sequence[str], lineage: Lineage
) -> dict[str, float]:
    """Write all that stands beside the Parquet parts; the same rows and manifests give the same bytes.

    Returns the dataset's figures for the manifest.
    """
    figures, draw, questions, first = RowFigures(), Draw(), QuestionSample(), None
    with tempfile.TemporaryDirectory(prefix="scalequest-") as scratch:
        exports = Exports(
            validation_share=config.validation_share,
            scratch=Path(scratch),
            publish=folder.add_file,
        )
        for number in range(len(folder.slices)):
            rows = folder.read_part(number)
            first = first or next(iter(rows), None)
            for each in map(shown, rows):
                figures.add(each)
                draw.add(each, number)
                questions.add(each.question)
            folder.add_file(f"jsonl/part-{number:05d}.jsonl", to_jsonl(rows))
            exports.add(rows)
        exports.close()
    contents = Contents(
        title=config.title,
        license=config.license,
        figures=figures,
        first=first,
        samples=with_others(draw.rows(), folder.slices, sources),
        diversity=questions.diversity(),
        exports=exports,
        price_per_gpu_hour=config.price_per_gpu_hour,
    )
    account = account_of(lineage.stages, config.price_per_gpu_hour)
    folder.add_file("lineage.json", render_lineage(lineage).encode())
    folder.add_file(PAGE_NAME, render_report(contents, lineage, account).encode())
    folder.add_file("README.md", render_card(contents, lineage, account).encode())
    folder.add_file(CROISSANT, render_croissant(contents, lineage).encode())
    return contents.metrics
