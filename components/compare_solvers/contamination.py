"""Which questions of the benchmarks stand in the training rows, as groups of questions with scores of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from components.compare_solvers.columns import UNNAMED, Result
from components.compare_solvers.page import DIRTY, NOT_TESTABLE, WITHOUT_DIRTY
from components.shared.errors import InputError
from components.shared.records import Contamination


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the rules say of one question."""

    dirty: Mapping[str, bool]  # by rule
    not_testable: frozenset[str]  # rules


Findings = Mapping[str, Mapping[str, Found]]  # by benchmark and question


def read_findings(rows: Iterable[Contamination]) -> Findings:
    """Read what find_contamination wrote; InputError where it looked for a question in two sets of training rows."""
    findings: dict[str, dict[str, Found]] = {}
    for row in rows:
        of_benchmark = findings.setdefault(row.source or UNNAMED, {})
        if row.id in of_benchmark:
            raise InputError(
                f"--contamination has the question {row.id} of {row.source or UNNAMED} twice; expected one folder for "
                "each benchmark: give find_contamination all training rows at once"
            )
        of_benchmark[row.id] = Found(
            dirty={rule: number > 0 for rule, number in zip(row.rules, row.num_training_rows, strict=True)},
            not_testable=frozenset(row.not_testable),
        )
    return findings


def contaminated_groups(benchmark: str, result: Result, findings: Findings) -> dict[tuple[str, str], list[str]]:
    """Return the ids of the questions without those that a rule found, of those, and of those that it cannot judge.

    Questions that cannot be judged are not called clean: they have a group of their own.
    """
    found = findings.get(benchmark)
    if found is None:
        return {}
    if missing := [id_ for id_ in result.answers if id_ not in found]:
        raise InputError(
            f"--contamination lacks {len(missing)} questions of {benchmark} that {result.source.folder} has "
            f"({missing[0]}, …); give find_contamination the questions that were evaluated"
        )
    groups: dict[tuple[str, str], list[str]] = {}
    for rule in dict.fromkeys(rule for each in found.values() for rule in each.dirty):
        dirty = {id_ for id_ in result.answers if found[id_].dirty[rule]}
        groups[WITHOUT_DIRTY, rule] = [id_ for id_ in result.answers if id_ not in dirty]
        groups[DIRTY, rule] = [id_ for id_ in result.answers if id_ in dirty]
        groups[NOT_TESTABLE, rule] = [id_ for id_ in result.answers if rule in found[id_].not_testable]
    return {group: ids for group, ids in groups.items() if ids}
