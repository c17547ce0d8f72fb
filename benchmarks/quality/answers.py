"""Answers compared by value, and found in replies: ``python -m benchmarks.quality.answers``.

On the pairs and replies of the tests, beside equal text, math-verify as it comes, and a pattern for the last box.
"""

from __future__ import annotations

import re

from math_verify import parse, verify

from benchmarks.quality.cases import cases_of, print_shares
from components.shared.texts.math_answers import AnswerChecker, extract_final_answer

_LAST_BOX = re.compile(r".*\\boxed\{([^{}]*)\}", re.DOTALL)


def main() -> None:
    """Compare all pairs in three ways, read all replies in two, and print both tables."""
    with AnswerChecker() as checker:
        ways = {
            "math_answers": lambda pair: checker.are_equal(*pair),
            "math-verify": _are_equal_to_math_verify,
            "equal text": lambda pair: _bare(pair[0]) == _bare(pair[1]),
        }
        print_shares(cases_of("equal_answers"), ways, lambda case: "equal" if case.expected else "different", "clock")
    print_shares(
        cases_of("final_answers"),
        {"extract_final_answer": extract_final_answer, "pattern for the last box": _last_box},
        lambda case: "replies with an answer" if case.expected else "replies without",
    )


def _are_equal_to_math_verify(pair: list[str]) -> bool:
    gold, answer = (parse(f"${_bare(text)}$") for text in pair)
    return bool(verify(gold, answer))


def _bare(answer: str) -> str:
    return "".join(answer.replace("$", "").split())


def _last_box(reply: str) -> str:
    found = _LAST_BOX.match(reply)
    return found[1].strip() if found else ""


if __name__ == "__main__":
    main()
