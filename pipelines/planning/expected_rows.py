"""How many rows are expected to go into each step, and to come out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.shared.config import StepConfig
from components.shared.config.engines import EngineConfig
from components.shared.config.scoring import ScorerConfig
from pipelines.planning.course import CourseStep
from pipelines.planning.figures import Figure, added
from pipelines.planning.measured import Measured
from pipelines.planning.stated import Stated

WRITING = "generate_questions"
OWN_NUMBER = "num_questions"  # of steps that read no rows of the run
FROM_GENERATORS = (WRITING, "reasoning-gym:")  # that make exactly as many; a file may have fewer
ONE_OF_EACH = "select_responses"  # keeps at most one response to each question
SAMPLING = "generate_responses"  # makes several rows of each


@dataclass(frozen=True, kw_only=True)
class ExpectedRows:
    """The rows of a step; None where they are not known."""

    rows_in: Figure | None
    rows_out: Figure | None
    questions: Figure | None  # among the rows that come out, at most
    earlier: float = 0.0  # the share of the rows that come out which earlier folders hold, too
    taken_over: float = 0.0  # the share of the rows that go in of which earlier folders hold the result


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a step's work."""

    config: StepConfig
    measured: Measured | None  # the most similar work of its step
    stated: Stated | None
    stands: Measured | None = None  # its own folder, if that is finished


def expected_rows(each: CourseStep, before: Sequence[ExpectedRows], known: Known) -> ExpectedRows:
    """Return the rows of a step. ``before``: those of all earlier steps, by number."""
    inputs = [before[number] for number in each.rows_from]
    rows_in: Figure | None
    rows_out: Figure | None
    if known.stands:
        rows_in = _of_folder(known.stands, known.stands.rows_in)
        rows_out = _of_folder(known.stands, known.stands.rows_out)
    else:
        rows_in = _rows_in([rows.rows_out for rows in inputs], known) if inputs else _own_number(known)
        rows_out = _rows_out(rows_in, known)
    questions = added(rows.questions for rows in inputs) if inputs else rows_out
    if each.step.name == ONE_OF_EACH and not known.stands:
        rows_out = _smaller(rows_out, questions)
    if each.step.name != SAMPLING:
        questions = _smaller(questions, rows_out)
    earlier = 1.0 if known.stands else _earlier(each, inputs, rows_in, known)
    takes_over = isinstance(known.config, EngineConfig | ScorerConfig) and not known.stands
    return ExpectedRows(
        rows_in=rows_in,
        rows_out=rows_out,
        questions=questions,
        earlier=earlier,
        taken_over=earlier if takes_over else 0.0,
    )


def _earlier(each: CourseStep, inputs: Sequence[ExpectedRows], rows_in: Figure | None, known: Known) -> float:
    """Return the share of a step's rows that the most similar earlier folder has gone through with the same result."""
    if rows_in is None or not rows_in.value or known.measured is None or not known.measured.is_same_work(known.config):
        return 0.0
    rows = [(rows.rows_out.value, rows.earlier) for rows in inputs if rows.rows_out]
    total = sum(number for number, _ in rows)
    comes_in = sum(number * share for number, share in rows) / total if total else 0.0
    if each.step.name == WRITING:  # its row k is the same, however many there are
        comes_in = 1.0
    return min(comes_in, known.measured.rows_in / rows_in.value)


def _of_folder(found: Measured, number: int) -> Figure:
    return Figure(value=number, sources=(found.source,))


def _rows_in(inputs: Sequence[Figure | None], known: Known) -> Figure | None:
    rows = added(inputs)
    if rows is None:
        return None
    measured, samples = known.measured, _samples(known.config)
    if measured is None or not measured.rows_read:
        return rows.scaled(samples)
    of_measured = int(measured.described.options.get("num_samples", 1)) if samples > 1 else 1
    return rows.scaled(measured.rows_in / measured.rows_read * samples / of_measured)


def _samples(config: StepConfig) -> int:
    """Return how many rows a step makes of each that it reads."""
    return int(getattr(config, "num_samples", 1)) if config.step == SAMPLING else 1


def _own_number(known: Known) -> Figure | None:
    """Return the rows of a step that makes or imports them itself."""
    number = int(getattr(known.config, OWN_NUMBER, 0))
    measured = known.measured if known.measured and "source" not in known.measured.differences else None
    if number:
        exactly = f"{known.config.step} {getattr(known.config, 'source', '')}"
        is_exact = any(maker in exactly for maker in FROM_GENERATORS)
        return Figure(value=number, sources=("the run's parameters",), at_most=not is_exact)
    return Figure(value=measured.rows_in, sources=(measured.source,)) if measured else None


def _rows_out(rows_in: Figure | None, known: Known) -> Figure | None:
    """Return what comes out; where no share is known, at most everything."""
    if rows_in is None:
        return None
    share = _kept(known)
    return rows_in.times(share) if share else Figure(value=rows_in.value, at_most=True)


def _kept(known: Known) -> Figure | None:
    if known.measured and known.measured.rows_in:
        measured = known.measured
        return Figure(value=measured.rows_out / measured.rows_in, sources=(measured.source,))
    if known.stated and known.stated.kept is not None:
        return Figure(value=known.stated.kept, sources=(known.stated.source,))
    return None


def _smaller(rows: Figure | None, most: Figure | None) -> Figure | None:
    """Return the smaller of what is known."""
    return min((figure for figure in (rows, most) if figure), key=lambda figure: figure.value, default=None)
