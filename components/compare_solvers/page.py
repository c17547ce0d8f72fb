"""The table as one HTML page that loads nothing. Names of models and benchmarks are untrusted text."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.publishing.jinja_templates import template
from components.shared.records import Score

RUN, PAPER = "run", "paper"
BOX_OR_NOT = "box or not"  # the lenient accuracy
OWN_GROUPS = ("subject", "level")  # a benchmark's own
WITHOUT_DIRTY, DIRTY, NOT_TESTABLE = CONTAMINATED = ("without_dirty", "dirty", "not_testable")


@dataclass(frozen=True, kw_only=True)
class GroupTable:
    """A benchmark's figures by subject or level."""

    benchmark: str
    group_by: str
    groups: Sequence[str]
    models: Sequence[str]
    scores: dict[tuple[str, str], Score]  # by group and model

    def num_questions(self, group: str) -> str:
        """How many questions a group has."""
        return _range(
            {self.scores[group, model].num_questions for model in self.models if (group, model) in self.scores}
        )


@dataclass(frozen=True, kw_only=True)
class Contaminated:
    """What one rule found of a benchmark in the training rows, and the scores with that in mind."""

    benchmark: str
    rule: str
    num_dirty: int
    num_not_testable: int
    without: dict[str, Score]  # scores without the dirty questions, by model
    dirty: dict[str, Score]  # scores on them alone


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows, arranged for reading; ``benchmark`` is "" for the mean of all."""

    benchmarks: Sequence[str]
    models: Sequence[str]
    published: Sequence[str]  # models of the paper
    scores: dict[tuple[str, str, str], Score]  # by origin, model and benchmark, over all questions
    differences: Sequence[Score]
    groups: Sequence[GroupTable]
    contaminated: Sequence[Contaminated]

    def num_questions(self, benchmark: str, origin: str = RUN) -> str:
        """How many questions of a benchmark there are here, or in the paper; "" for none."""
        found = [row for (by, _, name), row in self.scores.items() if (by, name) == (origin, benchmark)]
        return _range({row.num_questions for row in found})

    @property
    def other_sizes(self) -> list[str]:
        """Where a benchmark has another number of questions here than in the paper."""
        sizes = {name: (self.num_questions(name, PAPER), self.num_questions(name)) for name in self.benchmarks}
        return [
            f"{name or 'mean'}: {theirs} questions in the paper, {ours} here."
            for name, (theirs, ours) in sizes.items()
            if theirs not in ("", ours)
        ]

    @property
    def is_lenient(self) -> bool:
        """Whether a lenient accuracy is shown."""
        return any(BOX_OR_NOT in dict(other_figures(score)) for score in self.scores.values())

    @property
    def num_tests(self) -> int:
        """How many exact tests there are, for which the corrected p-values correct."""
        return sum(score.p_value is not None for score in self.differences)

    @property
    def widest(self) -> float:
        """The largest end of an interval of a difference, by which intervals are drawn to one scale."""
        ends = [abs(end) for score in self.differences for end in (score.difference_low, score.difference_high) if end]
        return max(ends, default=1.0)


def arrange(rows: Sequence[Score]) -> Table:
    """Arrange the rows as a table of models by benchmarks."""
    whole = [row for row in rows if not row.group_by]
    scores = {(row.origin, row.model, row.benchmark): row for row in whole}
    kinds = dict.fromkeys((row.benchmark, row.group_by) for row in rows if row.group_by in OWN_GROUPS)
    rules = dict.fromkeys((row.benchmark, row.group) for row in rows if row.group_by in (WITHOUT_DIRTY, DIRTY))
    return Table(
        benchmarks=_distinct(row.benchmark for row in whole),
        models=_distinct(row.model for row in whole if row.origin == RUN),
        published=_distinct(row.model for row in whole if row.origin == PAPER),
        scores=scores,
        differences=[row for row in whole if row.difference is not None],
        groups=[_group_table([row for row in rows if (row.benchmark, row.group_by) == kind]) for kind in kinds],
        contaminated=[_contaminated([row for row in rows if (row.benchmark, row.group) == rule]) for rule in rules],
    )


def render_page(title: str, rows: Sequence[Score]) -> str:
    """Return the page."""
    filters: dict[str, Callable[..., Any]] = {
        "percent": percent,
        "signed": signed,
        "p": p_text,
        "others": other_figures,
    }
    return template(Path(__file__).with_name("report.html.jinja"), filters).render(title=title, table=arrange(rows))


def other_figures(score: Score) -> list[tuple[str, float]]:
    """Return what stands below an accuracy only where there is something to say, by name."""
    lenient = score.accuracy_lenient if score.accuracy_lenient != score.accuracy else None
    figures = {
        "not compared": score.share_not_compared or None,
        BOX_OR_NOT: lenient,
        f"pass@{score.num_samples}": score.pass_at_k,
        f"majority of {score.num_samples}": score.majority,
    }
    return [(name, share) for name, share in figures.items() if share is not None]


def percent(share: float) -> str:
    """Return a share in per cent, without the sign."""
    return f"{share * 100:.1f}"


def signed(share: float) -> str:
    """Return a difference in points, with its sign."""
    return f"{share * 100:+.1f}".replace("-", "−")


def p_text(value: float) -> str:
    """Return a p-value as tables print it."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _contaminated(rows: Sequence[Score]) -> Contaminated:
    by_kind = {kind: {row.model: row for row in rows if row.group_by == kind} for kind in CONTAMINATED}
    sizes = {kind: max((row.num_questions for row in found.values()), default=0) for kind, found in by_kind.items()}
    return Contaminated(
        benchmark=rows[0].benchmark,
        rule=rows[0].group,
        num_dirty=sizes[DIRTY],
        num_not_testable=sizes[NOT_TESTABLE],
        without=by_kind[WITHOUT_DIRTY],
        dirty=by_kind[DIRTY],
    )


def _group_table(rows: Sequence[Score]) -> GroupTable:
    return GroupTable(
        benchmark=rows[0].benchmark,
        group_by=rows[0].group_by,
        groups=_distinct(row.group for row in rows),
        models=_distinct(row.model for row in rows),
        scores={(row.group, row.model): row for row in rows},
    )


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _range(numbers: Collection[int]) -> str:
    """Return a number, or from which to which they are."""
    ends = dict.fromkeys((min(numbers), max(numbers))) if numbers else ()
    return " to ".join(f"{number:,}" for number in ends)
