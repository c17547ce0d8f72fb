"""What a reader looks at first: whether rows add up, and what is known of repeats, leaks, answers and variety."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from components.shared.publishing.decontamination import Certificate
from components.shared.report.row_figures import RowFigures
from components.shared.workspace.lineage import Stage

Verdict = Literal["good", "look", "bad", "unknown"]

LEAST_AGREED = 0.5  # share of rows whose answer another response gives
MOST_REPEATED = 0.001
MOST_ALIKE = 0.1  # share of the questions in the largest cluster


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the list on top of a page."""

    name: str
    verdict: Verdict
    told: str


def checks_of(
    figures: RowFigures,
    rows_stages: Sequence[Stage],
    certificate: Certificate | None,
    metrics: Mapping[str, float],
    *,
    is_finished: bool = True,
) -> list[Check]:
    """Return all checks; ``metrics``: of the finished dataset, or what is known of rows so far."""
    return [
        _emptiness(figures, rows_stages),
        _sums(rows_stages),
        _repeats(metrics),
        _leaks(certificate, is_finished),
        _agreement(figures),
        _variety(metrics),
    ]


def emptied_by(rows_stages: Sequence[Stage]) -> str:
    """Say which stage left no row; "" where rows are left."""
    for stage in rows_stages:
        made = stage.manifest
        if made.rows_in and not made.rows_out:
            return f"all {made.rows_in:,} rows left in {stage.step}"
    return "" if rows_stages and rows_stages[-1].manifest.rows_out else "there were no rows to begin with"


def _emptiness(figures: RowFigures, rows_stages: Sequence[Stage]) -> Check:
    name = "Rows"
    if not figures.num_rows:
        return Check(name=name, verdict="bad", told=f"Empty: {emptied_by(rows_stages)}.")
    if figures.num_without_response and figures.response_lengths:
        told = f"{figures.num_without_response:,} rows have an empty response."
        return Check(name=name, verdict="bad", told=told)
    return Check(name=name, verdict="good", told="None is empty.")


def _sums(rows_stages: Sequence[Stage]) -> Check:
    wrong = [
        stage.step
        for stage in rows_stages
        if stage.manifest.rows_in != stage.manifest.rows_out + sum(stage.manifest.rejected.values())
    ]
    if wrong:
        return Check(name="Sums", verdict="bad", told=f"Rows do not add up in {', '.join(wrong)}.")
    rejected = sum(sum(stage.manifest.rejected.values()) for stage in rows_stages)
    stages = f"In each of {len(rows_stages)} stages" if len(rows_stages) > 1 else "In the first stage"
    told = f"{stages}, rows in = out + rejected; {rejected:,} were rejected, with a reason."
    return Check(name="Sums", verdict="good", told=told)


def _repeats(metrics: Mapping[str, float]) -> Check:
    number, of = metrics.get("repeated_questions"), metrics.get("rows", 0)
    if number is None:
        return Check(name="Duplicates", verdict="unknown", told="Not counted.")
    if not number:
        return Check(name="Duplicates", verdict="good", told="No question is there twice.")
    verdict: Verdict = "look" if number <= MOST_REPEATED * of else "bad"
    return Check(name="Duplicates", verdict=verdict, told=f"{number:,.0f} rows repeat a question.")


def _leaks(certificate: Certificate | None, is_finished: bool) -> Check:
    if certificate is None or not certificate.benchmarks:
        if not is_finished:
            return Check(name="Leaks", verdict="unknown", told="Questions were not compared with any benchmark yet.")
        return Check(name="Leaks", verdict="look", told="Questions were not compared with any benchmark.")
    removed = sum(each.num_copied + each.num_reworded for each in certificate.benchmarks)
    number = sum(each.num_questions for each in certificate.benchmarks)
    of = f"{len(certificate.benchmarks)} benchmark{'s' * (len(certificate.benchmarks) != 1)}"
    told = f"Compared with {number:,} questions of {of}; {removed:,} were removed."
    return Check(name="Leaks", verdict="good", told=told)


def _agreement(figures: RowFigures) -> Check:
    counted = figures.agreement.total()
    if not counted:
        return Check(name="Agreement", verdict="unknown", told="Responses to one question were not compared.")
    share = figures.num_agreed / counted
    told = f"{share * 100:.0f} % of the answers are given by another response, too."
    return Check(name="Agreement", verdict="good" if share >= LEAST_AGREED else "look", told=told)


def _variety(metrics: Mapping[str, float]) -> Check:
    alike = metrics.get("largest_cluster")
    if alike is None:
        return Check(name="Variety", verdict="unknown", told="Not measured.")
    told = f"{alike * 100:.1f} % of the questions are alike (largest cluster); Vendi score {metrics['vendi_score']:.0f}"
    told += f" of {metrics['num_sampled']:,.0f}."
    return Check(name="Variety", verdict="good" if alike <= MOST_ALIKE else "look", told=told)
