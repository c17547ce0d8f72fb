"""How the answer of a row is known, in tiers: what a training or a reader may make of it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from components.shared.records import Example

VERIFIED, CONSTRUCTED, REWARD_ONLY, UNCHECKED = "verified", "constructed", "reward only", "unchecked"
AGREED = "agreed"  # k of n, at least two of them

MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        VERIFIED: "an answer came with the question, and the response gives the same by value",
        CONSTRUCTED: "an answer came with the question, and the response does not give it: only the answer counts",
        AGREED: "so many of the question's responses, two or more, give this final answer by value",
        REWARD_ONLY: "no other response agrees: a reward model preferred this one, and nothing else speaks for it",
        UNCHECKED: "nothing says whether the answer is right",
    }
)


def tier_of(row: Example, *, is_right: bool) -> str:
    """Return how a row's answer is known; ``is_right``: its final answer is the one that came with the question."""
    if row.answer:
        return VERIFIED if is_right else CONSTRUCTED
    if row.final_answer and (row.num_agreeing or 0) >= 2:
        return f"{AGREED} {row.num_agreeing} of {row.num_candidates}"
    return UNCHECKED if row.reward is None else REWARD_ONLY


def meaning_of(tier: str) -> str:
    """Return what a tier says of an answer."""
    return MEANINGS[AGREED if tier.startswith(AGREED) else tier]


def rank_of(tier: str) -> tuple[int, float, int]:
    """Return what tiers are sorted by, the best known first; of agreements, the larger share."""
    number = list(MEANINGS).index(AGREED if tier.startswith(AGREED) else tier)
    if not tier.startswith(AGREED):
        return number, 0.0, 0
    agreeing, candidates = (int(word) for word in tier.removeprefix(AGREED).split(" of "))
    return number, -agreeing / candidates, -candidates
