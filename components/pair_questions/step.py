"""Pair a generator's questions by how often a solver fails on them, measured and not judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from components.pair_questions.config import PairQuestionsConfig
from components.shared.filters import KEEP, Verdict
from components.shared.records import FailRate, PreferencePair, Reject
from components.shared.seeds import derive_fraction
from components.shared.texts.canonical import canonical_key
from components.shared.texts.whole_question import fault_of
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import Part

LEAST_SAMPLES = 2  # of one alone, all agree
DIRECTIONS = {"too_easy": "difficulty", "never_agreeing": "solvability"}  # what a pair with such a question prefers


@dataclass(kw_only=True)
class Sorted:
    """The questions of one part: the preferred ones, those to set against them by why, and why others are left out."""

    preferred: list[int] = field(default_factory=list)
    others: dict[int, str] = field(default_factory=dict)
    rejected: dict[int, Verdict] = field(default_factory=dict)


def run(config: PairQuestionsConfig, workspace: Workspace) -> str:
    """Pair the questions of each part; return the folder's address."""
    from components.shared.texts.language import other_language

    fail_rates = workspace.read(config.fail_rates, FailRate)
    folder = workspace.open(config, fail_rates).begin_rows(PreferencePair, fail_rates.slices(config.rows_per_part))
    for part in folder.missing_parts():
        rows = fail_rates.read(part.slice)
        _settle(part, rows, sort_out(rows, config, other_language), config.seed)
    return folder.finish()


def sort_out(rows: Sequence[FailRate], config: PairQuestionsConfig, other_language: Callable[[str], str]) -> Sorted:
    """Tell the preferred questions of a part from the others; what cannot be in any pair is rejected."""
    found, seen = Sorted(), set()
    for index, row in enumerate(rows):
        place = place_of(row, config)
        key = canonical_key(row.question)
        if fault := fault_of(row.question):
            found.rejected[index] = Verdict("no_question", fault)
        elif language := other_language(row.question):
            found.rejected[index] = Verdict("not_english", language)
        elif key in seen:
            found.rejected[index] = Verdict("repeated")
        elif place == "preferred":
            found.preferred.append(index)
        elif place in DIRECTIONS:
            found.others[index] = place
        else:
            found.rejected[index] = Verdict(place, rate_of(row))
        seen.add(key)
    return found


def place_of(row: FailRate, config: PairQuestionsConfig) -> str:
    """Return where a question lies: preferred, too easy, never agreeing, or why that is not known."""
    if len(row.correct) < LEAST_SAMPLES:
        return "too_few_samples"
    if row.correct.count(True) < LEAST_SAMPLES:
        return "never_agreeing"
    if row.fail_rate < config.min_fail_rate:
        return "too_easy"
    return "preferred" if row.fail_rate <= config.max_fail_rate else "too_hard"


def rate_of(row: FailRate) -> str:
    """Return a fail rate for a reader."""
    return f"{row.correct.count(False)} of {len(row.correct)} fail"


def _settle(part: Part, rows: Sequence[FailRate], found: Sorted, seed: int) -> None:
    partners = sorted(found.others, key=lambda index: derive_fraction(seed, "pair_questions", rows[index].id))
    pairs = dict(zip(found.preferred, partners, strict=False))
    chosen_of = {partner: preferred for preferred, partner in pairs.items()}
    for index, row in enumerate(rows):
        if index in pairs:
            partner = pairs[index]
            part.settle(index, kept=[_pair(row, rows[partner], DIRECTIONS[found.others[partner]])])
        else:
            verdict = found.rejected.get(index, KEEP)
            if index in chosen_of:
                verdict = Verdict("paired", rows[chosen_of[index]].id)
            elif verdict == KEEP:
                verdict = Verdict("no_partner", f"{found.others.get(index, 'preferred')}: {rate_of(row)}")
            part.settle(index, rejected=[Reject(row=_alone(row), reason=verdict.reason, detail=verdict.detail)])


def _pair(chosen: FailRate, rejected: FailRate, direction: str) -> PreferencePair:
    return PreferencePair(
        id=chosen.id,
        source=rejected.source,
        direction=direction,
        chosen=chosen.question.strip(),
        rejected=rejected.question.strip(),
        rewriter="",
        reply="",
        chosen_fail_rate=chosen.fail_rate,
        rejected_fail_rate=rejected.fail_rate,
    )


def _alone(row: FailRate) -> PreferencePair:
    return PreferencePair(
        id=row.id,
        source=row.source,
        direction="",
        chosen="",
        rejected=row.question,
        rewriter="",
        reply="",
        rejected_fail_rate=row.fail_rate,
    )
