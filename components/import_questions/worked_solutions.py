"""Worked solutions to questions of generators, by what a generator says of a question; they are right by construction.

gsm_symbolic writes its own, in words. For others the steps are written here, from the numbers that made the question.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reasoning_gym.arithmetic.leg_counting import ANIMALS

Facts = Mapping[str, Any]  # a row's metadata


def worked_solution(generator: str, row: Mapping[str, Any]) -> str:
    """Return the steps to the answer of a generator's row, and the answer in a box."""
    return f"{WRITERS[generator](row['metadata'])}\nThe final answer is \\boxed{{{row['answer']}}}."


def _in_words(facts: Facts) -> str:
    return str(facts["answer_cot"]).rpartition("####")[0].strip()


def _term_by_term(facts: Facts) -> str:
    """Add or subtract one term at a time: "5 + 3 = 8. 8 - 2 = 6."."""
    first, *rest = facts["expression"].split()
    total, steps = int(first), []
    for sign, term in zip(rest[::2], rest[1::2], strict=True):
        after = total + int(term) if sign == "+" else total - int(term)
        steps.append(f"{total} {sign} {term} = {after}.")
        total = after
    return " ".join(steps)


def _animal_by_animal(facts: Facts) -> str:
    legs = {animal: number * ANIMALS[animal] for animal, number in facts["animals"].items()}
    each = (
        f"One {animal} has {ANIMALS[animal]} legs, so {facts['animals'][animal]} * {ANIMALS[animal]} = {legs[animal]}."
        for animal in legs
    )
    return f"{' '.join(each)}\nIn total {' + '.join(map(str, legs.values()))} = {sum(legs.values())}."


def _angle_that_is_left(facts: Facts) -> str:
    sides, angles = facts["n_sides"], [f"{angle:g}" for angle in facts["known_angles"]]
    known, total = f"{facts['sum_of_known_angles']:g}", facts["total_interior_sum"]
    added = f"{' + '.join(angles)} = {known}" if len(angles) > 1 else known
    return (
        f"The angles of a polygon with {sides} sides add up to ({sides} - 2) * 180 = {total}. The known angles add up "
        f"to {added}. The last angle is {total} - {known} = {facts['missing_angle_rounded']}."
    )


WRITERS: Mapping[str, Callable[[Facts], str]] = {
    "chain_sum": _term_by_term,
    "gsm_symbolic": _in_words,
    "leg_counting": _animal_by_animal,
    "simple_geometry": _angle_that_is_left,
}
