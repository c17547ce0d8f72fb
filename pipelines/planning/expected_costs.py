"""What the steps of a run are expected to take: tokens, GPU-hours, time, storage.

Rates are those of the most similar work in the workspace, else those that the preset states. What neither gives is not
known; nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass

from components.shared.config import StepConfig
from components.shared.workspace.costs import READ, WRITTEN
from pipelines.planning.expected_rows import ExpectedRows, Known
from pipelines.planning.figures import NOTHING, Figure, product
from pipelines.planning.measured import Measured
from pipelines.planning.planned_hardware import PlannedHardware

REPEATING = ("epochs", "num_samples")  # options that repeat the work on each row of a step
# Bytes of a row, measured with our writer on English prose; manifests/OPERATING.md, Storage.
BYTES_SOURCE = "bytes of a row: manifests/OPERATING.md"
_QUESTION, _JUDGED, _RESPONSE, _EXAMPLE = 103, 612, 610, 2712
BYTES = {
    "import_questions": _QUESTION,
    "generate_questions": _QUESTION,
    "filter_language": _QUESTION,
    "deduplicate": _QUESTION,
    "decontaminate": _QUESTION,
    "filter_solvability": _JUDGED,
    "score_difficulty": _JUDGED,
    "sample_difficulty": _JUDGED,
    "generate_responses": _RESPONSE,
    "score_responses": _RESPONSE,
    "select_responses": _RESPONSE,
    "package_dataset": _EXAMPLE,
}


@dataclass(frozen=True, kw_only=True)
class ExpectedCosts:
    """What a step will take; None where that is not known."""

    tokens_read: Figure | None
    tokens_written: Figure | None
    gpu_hours: Figure | None
    seconds: Figure | None  # from its first row to its last, with all its pods at work
    num_bytes: Figure | None


NO_COSTS = ExpectedCosts(
    tokens_read=NOTHING, tokens_written=NOTHING, gpu_hours=NOTHING, seconds=NOTHING, num_bytes=NOTHING
)


def expected_costs(rows: ExpectedRows, known: Known, hardware: PlannedHardware, share_left: float) -> ExpectedCosts:
    """Return what is left of a step takes; ``share_left`` of its rows are still to be done."""
    left = rows.rows_in.scaled(share_left * (1 - rows.taken_over)) if rows.rows_in else None
    stated, config = known.stated, known.config
    uses_model = hasattr(config, "model") or hasattr(config, "scorer") or hasattr(config, "reward_model")
    has_tokens = uses_model and config.step != "import_model"
    tokens_read = _per_row(known, READ, stated.tokens_read_per_row if stated else None)
    tokens_written = _per_row(known, WRITTEN, stated.tokens_written_per_row if stated else None)
    gpu_seconds = _gpu_seconds(known, hardware)
    return ExpectedCosts(
        tokens_read=product(left, tokens_read) if has_tokens else NOTHING,
        tokens_written=product(left, tokens_written) if has_tokens else NOTHING,
        gpu_hours=_in_hours(product(left, gpu_seconds)),
        seconds=_wall(left, known, hardware),
        num_bytes=_bytes(rows, known, share_left),
    )


def _in_hours(seconds: Figure | None) -> Figure | None:
    return seconds.scaled(1 / 3600) if seconds else None


def _per_row(known: Known, names: tuple[str, ...], stated: float | None) -> Figure | None:
    measured = known.measured
    if measured and measured.rows_worked_on:
        each = measured.metric(*names) / measured.rows_worked_on * _repeats(measured, known.config)
        return Figure(value=each, sources=(measured.source,))
    if known.stated and stated is not None:
        return Figure(value=stated, sources=(known.stated.source,))
    return None


def _repeats(measured: Measured, config: StepConfig) -> float:
    """Return how many times more often the work on a row is done than in what was measured."""
    times = 1.0
    for name in REPEATING:
        now, then = getattr(config, name, None), measured.described.options.get(name)
        if now and then and config.step != "generate_responses":  # whose rows are the samples themselves
            times *= now / then
    return times


def _gpu_seconds(known: Known, hardware: PlannedHardware) -> Figure | None:
    """Return GPU-seconds for each row; what was measured without a GPU says nothing of one with."""
    if not hardware.gpus_of(known.config):
        return NOTHING
    if known.measured and known.measured.metric("accelerator_seconds"):
        return _per_row(known, ("accelerator_seconds",), None)
    if known.stated and known.stated.gpu_seconds_per_row is not None:
        return Figure(value=known.stated.gpu_seconds_per_row, sources=(known.stated.source,))
    return None


def _wall(left: Figure | None, known: Known, hardware: PlannedHardware) -> Figure | None:
    pods, gpus = hardware.pods_of(known.config), hardware.gpus_of(known.config)
    if gpus:
        seconds = product(left, _gpu_seconds(known, hardware))
        return seconds.scaled(1 / (gpus * pods)) if seconds else None
    seconds = product(left, _per_row(known, ("seconds",), None))
    return seconds.scaled(1 / pods) if seconds else None


def _bytes(rows: ExpectedRows, known: Known, share_left: float) -> Figure | None:
    measured, config = known.measured, known.config
    if measured and (measured.described.kind == "model" or not measured.rows_in):
        return Figure(value=measured.num_bytes * share_left, sources=(measured.source,))
    if measured:
        each = Figure(value=measured.num_bytes / measured.rows_in, sources=(measured.source,))
    elif config.step in BYTES:
        each = Figure(value=BYTES[config.step], sources=(BYTES_SOURCE,))
    else:
        return None
    whole = product(rows.rows_in, each)
    return whole.scaled(share_left) if whole else None
