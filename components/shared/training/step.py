"""What each step that trains does: finished work, the start model, rows to token ids, training, the model's folder."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from components.shared.config.training import TrainingConfig
from components.shared.errors import InputError
from components.shared.models import fetch_model
from components.shared.records import R, Reject, Row, count_reasons
from components.shared.training.job import TrainingJob, write_examples
from components.shared.training.nodes import await_first_node, own_node, starts_nodes
from components.shared.training.torchrun import run_training
from components.shared.workspace import StepFolder, Workspace
from components.shared.workspace.rows import Rows

if TYPE_CHECKING:
    from components.shared.training.start_model import StartModel

TokenColumns = Mapping[str, Sequence[int]]


@dataclass(kw_only=True)
class Examples:
    """The examples of a training, which are in its file, and the rows that were rejected."""

    num_examples: int
    rows_in: int  # kept or rejected
    rejects: list[Reject]
    end_tokens: tuple[str, ...] = ()  # that end a text of the trained model
    complete: Callable[[Path], None] = field(default=lambda _: None)  # writes into the trained model's folder
    measure: Callable[[Path], Mapping[str, float]] = field(
        default=lambda _: {}
    )  # returns more figures of the trained model


def train(
    config: TrainingConfig,
    workspace: Workspace,
    *,
    read: Callable[[], Rows[R]],
    prepare: Callable[[Rows[R], StartModel, Path], Examples],
    trainer_module: str,
    as_scorer: bool = False,
) -> str:
    """Train, or continue training; return the model folder's address.

    ``prepare`` writes the rows as token ids into a file; it raises InputError if none is left. ``as_scorer``: the
    start model gets a head of one output, unless it has one.
    """
    found = workspace.open(config)
    if found.finished:
        return found.uri
    rows = read()
    if starts_nodes(config):
        from components.shared.training.launch import train_on_nodes

        return train_on_nodes(config, found)
    from components.shared.training.start_model import StartModel, check_processes

    check_processes(config)
    model = StartModel(fetch_model(config.model), config, as_scorer=as_scorer)
    with tempfile.TemporaryDirectory(prefix=f"{config.step}-") as scratch:
        job = TrainingJob(config=config, folder=scratch, model=str(model.folder))
        examples = prepare(rows, model, job.examples_file)
        _train_here(found, job, examples, trainer_module, cast(type[Row], rows.record))
    return found.uri


def _train_here(
    found: StepFolder, job: TrainingJob[Any], examples: Examples, trainer_module: str, record: type[Row]
) -> None:
    """Train and finish the folder, unless it was finished meanwhile; of several machines, the first one finishes it."""
    folder = found.begin_model()
    if folder.finished or not _may_train(folder.take, folder.look_finished, job.config):
        return
    job = dataclasses.replace(job, checkpoints_uri=folder.checkpoints_uri, end_tokens=examples.end_tokens)
    metrics = run_training(job, trainer_module)
    if metrics is None:
        return
    examples.complete(job.model_folder)
    measured = examples.measure(job.model_folder)
    folder.finish(
        job.model_folder,
        metrics={**metrics, "examples": examples.num_examples, **measured},
        arithmetic=job.read_arithmetic(),
        rows_in=examples.rows_in,
        rejects=examples.rejects,
        record=record,
    )
    folder.delete_checkpoints()


def _may_train(take: Callable[[], bool], is_finished: Callable[[], bool], config: TrainingConfig) -> bool:
    """Take the lease on the folder, or wait until the first of several machines has it; False if it is finished."""
    node = own_node(config)
    return take() if node is None or node.rank == 0 else await_first_node(node, is_finished)


def write_token_rows(
    config: TrainingConfig,
    rows: Rows[R],
    encode: Callable[[R], TokenColumns | str],
    columns: Sequence[str],
    model: StartModel,
    file: Path,
) -> Examples:
    """Write the rows that ``encode`` turns into token ids by column; it returns the reason of one that is rejected."""
    rejects: list[Reject] = []
    num_rows = write_examples(file, _encoded(rows, encode, model, rejects), columns)
    if num_rows == 0:
        raise InputError(_nothing_left(config, rows, rejects))
    return Examples(num_examples=num_rows, rows_in=len(rows), rejects=rejects)


def _encoded(
    rows: Rows[R], encode: Callable[[R], TokenColumns | str], model: StartModel, rejects: list[Reject]
) -> Iterator[TokenColumns]:
    for row in rows:
        encoded = encode(row)
        if isinstance(encoded, str):
            rejects.append(Reject(row=row, reason=encoded))
            continue
        for ids in encoded.values():
            model.check_tokens(ids)
        yield encoded


def _nothing_left(config: TrainingConfig, rows: Rows[R], rejects: Sequence[Reject]) -> str:
    folders = ", ".join(rows.uris)
    if not rejects:
        return f"{folders} has no rows, and {config.step} needs at least one; see what the previous step rejected"
    return (
        f"all {len(rejects)} rows of {folders} are rejected: {count_reasons(rejects)}; "
        f"--max-tokens is {config.max_tokens}"
    )
