"""The loop of each step that asks a model about each row: find finished work, check, plan, ask, judge, finish."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from components.shared.config.engines import EngineConfig
from components.shared.engines import Completion, Engine, Request, Sampling, check_engine, open_engine
from components.shared.engines.follow_ups import FollowingEngine
from components.shared.engines.stream import answer_parts
from components.shared.filters import Verdict, settle
from components.shared.records import R, Row
from components.shared.workspace import StepFolder, Workspace
from components.shared.workspace.earlier_rows import EarlierRows
from components.shared.workspace.ledgers import Figures, no_figures
from components.shared.workspace.output_folders import OutputFolder, Part, RowKey
from components.shared.workspace.plans import Slice
from components.shared.workspace.rows import Rows

Q = TypeVar("Q")


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    """The result of one input row: rows, each with its verdict, and metrics for the manifest."""

    rows: Sequence[tuple[Row, Verdict]]
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Asking(Generic[Q]):
    """What a step asks a model about each input row, and how it judges the answer."""

    record: type[Row]  # of the rows that it makes
    request: Callable[[Q], Request[None] | Judgement]  # a judgement if there is nothing to ask
    judge: Callable[[Q, Sequence[Completion]], Judgement]
    sampling: Sampling
    num_samples: int = 1  # of each request
    rows_per_row: int = 1  # that it makes of each input row, kept and rejected together
    # What is asked next about a row after these replies, None for nothing more; then all replies are judged.
    follow_up: Callable[[Q, Sequence[Completion]], Request[None] | None] | None = None
    # The column of the made rows with the id of the input's row, by which an earlier folder's rows are taken over; "":
    # none are. And the option that only says how many rows there are.
    made_from: str = ""
    size: str = ""
    figures: Figures = no_figures  # for the manifest, from the sums of all judgements' metrics

    def begin(self, found: StepFolder, slices: Sequence[Slice]) -> OutputFolder:
        """Write the plan of the step's folder, or take the existing one."""
        return found.begin_rows(self.record, slices, units_per_row=self.rows_per_row)

    def answer(
        self,
        folder: OutputFolder,
        rows_of: Callable[[OutputFolder, Slice], Iterable[Q]],
        open_model: Callable[[], Engine],
    ) -> str:
        """Ask about the rows of all missing parts and settle each; return the folder's address.

        The engine is opened only if a part is missing. What an earlier folder made of the same row is taken over.
        """
        earlier = EarlierRows(folder, self.made_from, self.size)

        def requests_of(part: Part) -> Iterator[Request[RowKey[Q]]]:
            for index, row in enumerate(rows_of(folder, part.slice)):
                if (made := earlier.of(row)) is not None:
                    made.settle(part, index)
                    continue
                asked = self.request(row)
                if isinstance(asked, Request):
                    yield asked.keyed(RowKey(part, index, row))
                else:
                    _settle(part, index, asked)

        def open_engine() -> Engine:
            return open_model() if follow_up is None else FollowingEngine(open_model(), next_of)

        def next_of(key: RowKey[Q] | None, replies: Sequence[Completion]) -> Request[None] | None:
            return None if key is None or follow_up is None else follow_up(key.row, replies)  # None: a probe

        follow_up = self.follow_up
        for result in answer_parts(folder, open_engine, requests_of, self.sampling):
            key = result.key
            _settle(key.part, key.index, self.judge(key.row, result.completions))
        return folder.finish(self.figures)


def ask(
    config: EngineConfig,
    model: str,
    workspace: Workspace,
    asking: Callable[[], Asking[Q]],
    slices: Sequence[Slice],
    rows_of: Callable[[OutputFolder, Slice], Iterable[Q]],
    inputs: Sequence[Rows[Any]] = (),
) -> str:
    """Do the whole work of a step that asks a model; return the folder's address.

    ``asking`` is called only if there is work to do. ``rows_of``: the input rows of a slice. ``inputs``: those that the
    step has opened.
    """
    found = workspace.open(config, *inputs)
    if found.finished:
        return found.uri
    asked = asking()
    check_engine(config, model, asked.sampling, asked.num_samples)
    folder = asked.begin(found, slices)
    return asked.answer(folder, rows_of, lambda: open_engine(config, model))


def ask_about(
    rows: Rows[R], config: EngineConfig, model: str, workspace: Workspace, asking: Callable[[], Asking[R]]
) -> str:
    """Do the whole work of a step that asks a model about each row of its input; return the folder's address."""
    slices = rows.slices(config.rows_per_part)
    return ask(config, model, workspace, asking, slices, lambda _, slice_: rows.read(slice_), [rows])


def _settle(part: Part, index: int, judgement: Judgement) -> None:
    for name, value in judgement.metrics.items():
        part.add_to_metric(name, value)
    settle(part, index, judgement.rows)
