"""Questions from reasoning-gym's generators: verified answers, nothing to download.

A generator's question often ends in an instruction on the form of the answer. A tuned question generator would learn to
write those too, so they are taken off here, and only generators for which that was checked are offered.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

if importlib.util.find_spec("pycosat") is None:
    # A solver for puzzles that are not offered here. It is imported with them, never called, and comes as source in C
    # only: to ask for it would be to ask for a compiler wherever we are installed.
    sys.modules["pycosat"] = ModuleType("pycosat")

import reasoning_gym

from components.import_questions.source import SourceRow
from components.import_questions.worked_solutions import WRITERS, worked_solution
from components.shared.errors import InputError
from components.shared.seeds import derive_seed

_ARITHMETIC = (r"State the final answer to the following arithmetic problem: (.*?) *=", r"Calculate \1.")

# What a generator puts around its question, and what stands in its place.
CLEANING: Mapping[str, tuple[str, str] | None] = {
    "basic_arithmetic": None,
    "chain_sum": _ARITHMETIC,
    "count_primes": (r"Count how many prime numbers there are (.*?) *\?", r"How many prime numbers are there \1?"),
    "decimal_chain_sum": _ARITHMETIC,
    "fraction_simplification": (r"(.*?)\s*Give only the simplified fraction as your final answer\.", r"\1"),
    "gcd": (r"(.*?)\s*Give only the GCD as your final answer\.", r"\1"),
    "gsm_symbolic": (r"(.*?)\s*Give the result as your final answer\. Do not include units\.", r"\1"),
    "lcm": (r"(.*)", r"\1."),
    "leg_counting": (r"Your task is .*?\n\nNow, how many legs (.*)", r"How many legs \1"),
    "number_sequence": (r"(.*), \?", r"What is the next number in the sequence \1?"),
    "products": (r"Solve the following multiplication: (.*?)\. Give only the result.*", r"Calculate \1."),
    "simple_equations": (r"(.*)", r"\1."),
    "simple_geometry": (
        r"(.*?)\s*Return only the angle as your answer\. ?Do not give the units in your answer\.",
        r"\1",
    ),
}


@dataclass(frozen=True, kw_only=True)
class ReasoningGymSource:
    """``num_questions`` questions of several generators in turn."""

    generators: Sequence[str]
    num_questions: int
    seed: int
    origin: str  # "" takes each generator's own name
    is_worked: bool = False  # whether a worked solution is the response to each question

    def __post_init__(self) -> None:
        if unknown := [text for text in self.generators if _name_of(text) not in CLEANING]:
            raise InputError(
                f"--source reasoning-gym: unknown generator {', '.join(map(repr, unknown))}; "
                f"expected any of {', '.join(CLEANING)}"
            )
        if self.is_worked and (without := [text for text in self.generators if _name_of(text) not in WRITERS]):
            raise InputError(
                f"--response-column: no worked solutions to {', '.join(without)}; expected any of {', '.join(WRITERS)}"
            )
        if self.num_questions == 0:
            raise InputError("--num-questions 0: generators have no end; give the number of questions")
        for text in self.generators:
            _open(text, size=1, seed=0)

    def count(self) -> int:
        return self.num_questions

    def rows(self) -> Iterator[SourceRow]:
        size = -(-self.num_questions // len(self.generators))
        datasets = [
            _open(text, size=size, seed=derive_seed(self.seed, "import_questions", text)) for text in self.generators
        ]
        for index in range(self.num_questions):
            turn, which = divmod(index, len(self.generators))
            name, row = _name_of(self.generators[which]), datasets[which][turn]
            yield SourceRow(
                question=clean_question(name, row["question"]),
                answer=str(row["answer"]),
                origin=self.origin or name,
                response=worked_solution(name, row) if self.is_worked else "",
            )


def _name_of(text: str) -> str:
    return text.partition("?")[0]


def _open(text: str, *, size: int, seed: int) -> Any:
    """Return the data set that ``name?setting=number&setting=number`` asks for; InputError where it takes no such."""
    name, _, query = text.partition("?")
    try:
        settings = {key: int(value) for key, value in parse_qsl(query, strict_parsing=bool(query))}
        return reasoning_gym.create_dataset(name, size=size, seed=seed, **settings)
    except (AssertionError, TypeError, ValueError) as error:
        raise InputError(
            f"--source reasoning-gym: {text!r} is not accepted ({error}); expected settings of {name} with whole "
            "numbers, such as chain_sum?max_terms=2&max_digits=1"
        ) from error


def clean_question(generator: str, question: str) -> str:
    """Return the question without the generator's instructions on the form of its answer."""
    question = question.strip()
    rule = CLEANING[generator]
    if rule is None:
        return question
    found = re.fullmatch(rule[0], question, re.DOTALL)
    if found is None:
        raise AssertionError(f"{generator} now words its questions differently: {question!r}")
    return found.expand(rule[1])
