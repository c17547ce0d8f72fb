"""Which rewrites may be preferred, and what measured pairs prefer: ``python -m benchmarks.quality.preferences``.

The rewrites are made from 200 questions of GSM8K, by rule: some are whole questions of their own, the others have one
fault each; the published way keeps each reply that is not empty. The measured pairs are of simulated questions whose
fail rates are known: how many that are preferred lie within the band, by how often a solver was asked.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Callable, Iterator, Mapping

from benchmarks.quality.cases import Case, gsm8k_questions, print_kinds, row_of, share_of
from components.build_preferences.rewrites import judge
from components.pair_questions.config import PairQuestionsConfig
from components.pair_questions.step import sort_out
from components.shared.engines import Completion
from components.shared.filters import KEEP
from components.shared.records import FailRate
from components.shared.texts.language import other_language

SEED, NUM_SIMULATED, NUMBERS_OF_SAMPLES = 15, 1000, (4, 8, 16)
BAND = PairQuestionsConfig.min_fail_rate, PairQuestionsConfig.max_fail_rate

_REFUSALS = (
    "I'm sorry, but I can't rewrite this question.",
    "The question is already solvable.",
    "As an AI, I cannot help with that.",
    "Unfortunately, the problem lacks a number.",
)
_PLACEHOLDERS = ("N/A", "[insert the question here]", "...", "<rewritten question>", "TODO", "{question}")
_LEFTOVERS = ("<|im_end|>\n<|im_start|>assistant", "### Response:", "[/INST]", "{question}", "<|eot_id|>")
_ANSWERS = (" The answer is 42.", r" $\boxed{7}$", "\nSolution: add both.", " 12 + 5 = 17", " (Answer: 12)")

# By kind, how a rewrite is made of a question, and whether it may be preferred.
RULES: Mapping[str, tuple[Callable[[str, int], str], bool]] = {
    "other numbers": (lambda text, _: re.sub(r"\d+", lambda number: str(int(number[0]) + 7), text), True),
    "more is asked": (lambda text, n: f"{text} If {n + 2} friends do the same, how many is that in all?", True),
    "an equation": (lambda _, n: f"Find all real numbers x for which x^2 + {n + 1} = {2 * n + 3}.", True),
    "refusal or remark": (lambda _, n: _REFUSALS[n % len(_REFUSALS)], False),
    "placeholder": (lambda _, n: _PLACEHOLDERS[n % len(_PLACEHOLDERS)], False),
    "half a sentence": (lambda text, _: " ".join(text.split()[: len(text.split()) // 3]).rstrip(".!?,"), False),
    "leftovers of a template": (lambda text, n: f"{text} Now?\n\n{_LEFTOVERS[n % len(_LEFTOVERS)]}", False),
    "the same behind a label": (lambda text, _: f"Rewritten question: {text}", False),
    "the same in capitals": (lambda text, _: text.upper(), False),
    "answer given": (lambda text, n: f"{text} How many?{_ANSWERS[n % len(_ANSWERS)]}", False),
    "another language": (lambda _, n: f"Ana tiene {n + 2} manzanas y regala una. ¿Cuántas manzanas le quedan?", False),
}


def main() -> None:
    """Judge all rewrites in two ways, sort out simulated questions, print both tables."""
    print_kinds(list(rewrites()), {"build_preferences": is_kept, "not empty (the paper's)": lambda case: bool(case[1])})
    lines = [row_of(["samples a question", "preferred, within the band", "all questions, within the band"])]
    lines.append(row_of(["---"] * 3))
    lines += [row_of([number, *map(share_of, measured(number))]) for number in NUMBERS_OF_SAMPLES]
    sys.stdout.write("\n".join(lines) + "\n")


def rewrites() -> Iterator[Case]:
    """Return a rewrite of each kind for each question, and whether it may be preferred to it."""
    for kind, (rule, expected) in RULES.items():
        for number, question in enumerate(gsm8k_questions()):
            if kind != "other numbers" or re.search(r"\d", question):
                yield Case(given=(question, rule(question, number)), expected=expected, kind=kind)


def is_kept(case: tuple[str, str]) -> bool:
    """Tell whether build_preferences takes a rewrite of a question."""
    question, rewrite = case
    reply = Completion(text=f"<question>{rewrite}</question>", finish_reason="stop", num_tokens=1)
    return judge(question, reply, other_language) == KEEP


def measured(num_samples: int) -> tuple[list[bool], list[bool]]:
    """Return whether the true fail rate lies in the band: of the questions that are preferred, and of all."""
    draws = random.Random(SEED)  # noqa: S311 -- no secret
    rates = [draws.random() for _ in range(NUM_SIMULATED)]
    rows = [_answered(number, rate, num_samples, draws) for number, rate in enumerate(rates)]
    config = PairQuestionsConfig(workspace="unused", fail_rates="unused")
    within = [BAND[0] <= rate <= BAND[1] for rate in rates]
    return [within[place] for place in sort_out(rows, config, lambda _: "").preferred], within


def _answered(number: int, rate: float, num_samples: int, draws: random.Random) -> FailRate:
    correct = tuple(draws.random() >= rate for _ in range(num_samples))
    return FailRate(
        id=str(number),
        question=f"What is {number} plus 3?",
        answer=str(number + 3),
        source="simulated",
        fail_rate=correct.count(False) / num_samples,
        responses=("",) * num_samples,
        correct=correct,
    )


if __name__ == "__main__":
    main()
