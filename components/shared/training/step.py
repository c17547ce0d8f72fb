"""The course of a step that trains: rows to token ids, rejects, training, the model's folder."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from components.shared.config.training import TrainingConfig
from components.shared.errors import InputError
from components.shared.records import R, Reject, Row, count_reasons
from components.shared.templates import ChatTemplate
from components.shared.training.job import TrainingJob, write_examples
from components.shared.training.processes import run_training
from components.shared.workspace import StepFolder
from components.shared.workspace.rows import Rows

TokenColumns = Mapping[str, Sequence[int]]


def train_on_rows(
    config: TrainingConfig,
    found: StepFolder,
    *,
    rows: Rows[R],
    encode: Callable[[R], TokenColumns | str],
    columns: Sequence[str],
    model: Path,
    template: ChatTemplate,
    trainer_module: str,
) -> str:
    """Train on the rows and return the model folder's address.

    ``encode`` turns a row into token ids by column, or into the reason why it is rejected. Raises InputError before
    anything is written where no row is left.
    """
    with tempfile.TemporaryDirectory(prefix=f"{config.step}-") as scratch:
        rejects: list[Reject] = []
        num_rows = write_examples(Path(scratch, "examples.arrow"), _encoded(rows, encode, rejects), columns)
        if num_rows == 0:
            raise InputError(_nothing_left(config, rows, rejects))
        folder = found.begin_model()
        job = TrainingJob(
            config=config,
            folder=scratch,
            model=str(model),
            checkpoints_uri=folder.checkpoints_uri,
            end_tokens=(template.question_end, template.response_end),
        )
        if not folder.finished and (metrics := run_training(job, trainer_module)) is not None:
            folder.finish(
                job.model_folder,
                metrics={**metrics, "examples": num_rows},
                arithmetic=job.read_arithmetic(),
                rows_in=len(rows),
                rejects=rejects,
                record=cast(type[Row], rows.record),
            )
            folder.delete_checkpoints()
        return folder.uri


def _encoded(rows: Rows[R], encode: Callable[[R], TokenColumns | str], rejects: list[Reject]) -> Iterator[TokenColumns]:
    for row in rows:
        encoded = encode(row)
        if isinstance(encoded, str):
            rejects.append(Reject(row=row, reason=encoded))
        else:
            yield encoded


def _nothing_left(config: TrainingConfig, rows: Rows[R], rejects: Sequence[Reject]) -> str:
    folders = ", ".join(rows.uris)
    if not rejects:
        return f"{folders} holds no rows, and {config.step} needs at least one; look at what the step before rejected"
    return (
        f"all {len(rejects)} rows of {folders} are rejected: {count_reasons(rejects)}; "
        f"--max-tokens is {config.max_tokens}"
    )
