"""Figures by source, subject and level, as far as the questions have them: keys like "subject/Algebra/accuracy"."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from components.shared.intervals import wilson_interval
from components.shared.records import Question

KINDS = ("source", "subject", "level")
MAX_GROUPS = 50  # of one kind: a manifest stays small
NONE = "none"  # stands for those of other questions that have no subject or level
logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Groups:
    """By what figures are given; the same for all pods, because it is found in the same questions."""

    kinds: tuple[str, ...]
    not_shown: Mapping[str, int]  # how many groups there are of a kind that has too many
    several_sources: bool

    def sums(self, question: Question, share_right: float) -> dict[str, float]:
        """Return what a question adds to the sums of its groups."""
        places = [f"{kind}/{label_of(question, kind, self.several_sources)}" for kind in self.kinds]
        sums = [{f"{place}/num_questions": 1.0, f"{place}/num_correct": share_right} for place in places]
        return {name: value for each in sums for name, value in each.items()}

    def figures(self, sums: Mapping[str, float]) -> dict[str, float]:
        """Return accuracy and interval of each group from the sums over all questions."""
        figures = {f"{kind}s_not_shown": float(number) for kind, number in self.not_shown.items()}
        for place in [name.removesuffix("/num_questions") for name in sums if name.endswith("/num_questions")]:
            number, right = int(sums[f"{place}/num_questions"]), sums[f"{place}/num_correct"]
            low, high = wilson_interval(right, number)
            figures |= {f"{place}/accuracy": right / number}
            figures |= {f"{place}/accuracy_low": low, f"{place}/accuracy_high": high}
        return figures


def groups_of(questions: Collection[Question]) -> Groups:
    """Return by what figures of these questions are given; a warning says which kind has too many groups for that."""
    several = len({each.source for each in questions}) > 1
    present = [
        kind for kind in KINDS if (several if kind == "source" else any(getattr(each, kind) for each in questions))
    ]
    numbers = {kind: len({label_of(each, kind, several) for each in questions}) for kind in present}
    not_shown = {kind: number for kind, number in numbers.items() if number > MAX_GROUPS}
    for kind, number in not_shown.items():
        logger.warning(
            "the questions have %d values of %s, more than %d: no figures are given by it; each row has its %s and its "
            "verdict", number, kind, MAX_GROUPS, kind,
        )  # fmt: skip
    return Groups(
        kinds=tuple(kind for kind in present if kind not in not_shown), not_shown=not_shown, several_sources=several
    )


def label_of(question: Question, kind: str, several_sources: bool) -> str:
    """Return the name of a question's group; of several sources, each has subjects and levels of its own."""
    value = getattr(question, kind) or NONE
    return f"{question.source or NONE}: {value}" if several_sources and kind != "source" else value
