"""What the scripted engine answers: flawed now and then, so that every filter has work.

Each reply is drawn by hash from the message, the seed and the sample, never from the clock.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from components.shared.seeds import derive_fraction, derive_seed


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Numbers that belong to one sample of one request."""

    names: tuple[str | int, ...]

    def whole(self, what: str, low: int, high: int) -> int:
        """Return a number from ``low`` to ``high``, both included."""
        return low + derive_seed(*self.names, what) % (high - low + 1)

    def flaw(self, shares: Mapping[str, float]) -> str:
        """Return one of the names, each as often as its share says, or "" for none."""
        fraction = derive_fraction(*self.names, "flaw")
        for name, share in shares.items():
            if fraction < share:
                return name
            fraction -= share
        return ""


FORMS: tuple[tuple[str, Callable[[int, int], int]], ...] = (
    ("What is the sum of {a} and {b}?", operator.add),
    ("Mia reads {a} pages on Monday and {b} pages on Tuesday. How many pages does she read in all?", operator.add),
    ("A tank holds {a} litres and {b} litres are poured into it. How many litres does it hold now?", operator.add),
    ("Find the value of $x$ if $x - {b} = {a}$.", operator.add),
    ("A shop has {a} boxes with {b} pencils in each box. How many pencils does it have?", operator.mul),
    ("A rectangle is {a} cm long and {b} cm wide. What is its area in square centimetres?", operator.mul),
    ("Compute $\\sum_{i=1}^{a} {b}$, the sum of {a} terms that are each {b}.", operator.mul),
    ("A bus with {a} people on board loses {b} of them at a stop. How many people are left?", operator.sub),
    ("The temperature is {a}° at noon and falls by {b}° until night. What is it then?", operator.sub),
)
FOREIGN = (
    "¿Cuántos libros tiene Ana si compra {a} libros y regala {b} libros a su hermana?",
    "Ein Zug fährt {a} Kilometer und danach noch {b} Kilometer. Wie weit fährt der Zug insgesamt?",
    "小明有{a}个苹果，又买了{b}个苹果。他现在一共有多少个苹果？",
)
VAGUE = "Tom has some apples and gives {b} of them to a friend. How many apples does Tom have left?"
QUESTION_FLAWS = {"length": 0.05, "foreign": 0.08, "empty": 0.02, "vague": 0.08, "duplicate": 0.1}
SOLUTION_FLAWS = {"wrong": 0.25, "no_box": 0.05, "length": 0.03}
VERDICT_FLAWS = {"no_verdict": 0.03, "length": 0.03}
REWRITE_FLAWS = {"no_marker": 0.04, "length": 0.03, "empty": 0.03, "unchanged": 0.05, "answer": 0.05, "foreign": 0.04}


def write_question(_: str, draws: Draws) -> tuple[str, str]:
    """Write a question of simple arithmetic, as a question generator does behind the bare prefix."""
    flaw = draws.flaw(QUESTION_FLAWS)
    if flaw == "duplicate":
        return _filled(FORMS[draws.whole("form", 0, 1)][0], 12, 7), "stop"
    text = FORMS[draws.whole("form", 0, len(FORMS) - 1)][0]
    if flaw == "foreign":
        text = FOREIGN[draws.whole("language", 0, len(FOREIGN) - 1)]
    if flaw == "vague":
        text = VAGUE
    text = _filled(text, draws.whole("a", 20, 999), draws.whole("b", 2, 19))
    if flaw == "length":
        return text[: len(text) // 2], "length"
    return "" if flaw == "empty" else text, "stop"


def solve(message: str, draws: Draws) -> tuple[str, str]:
    """Work out a question of this file's forms, or the one sum in another; box the answer, not always the right one."""
    question = message.rsplit("\n\n", 1)[0]
    answer = _answer_to(question)
    flaw = draws.flaw(SOLUTION_FLAWS)
    if flaw == "wrong":
        answer += draws.whole("slip", 1, 9)
    steps = "First I look at what is given. Then I combine the numbers as the question asks"
    if flaw == "length":
        return steps, "length"
    ending = f"The final answer is \\boxed{{{answer}}}." if flaw != "no_box" else "I am not sure about the answer."
    return f"{steps}, which gives {answer}.\n\n{ending}", "stop"


def judge(message: str, draws: Draws) -> tuple[str, str]:
    """Reason about whether the last question of the message can be solved; the verdict comes last."""
    question = message.rsplit("Question: ", 1)[-1].split("\n\n", 1)[0].strip()
    flaw = draws.flaw(VERDICT_FLAWS)
    solvable = len(re.findall(r"\d+", question)) >= 2
    reason = "Reason: Both numbers are given." if solvable else "Reason: Yesterday's reader would miss a number here."
    if flaw:
        return reason, "length" if flaw == "length" else "stop"
    return f"{reason}\nVerdict: {'Yes' if solvable else 'No'}", "stop"


def judge_stage(message: str, draws: Draws) -> tuple[str, str]:
    """Say whether something holds of the last text of the message: of one with fewer than two numbers nothing does."""
    text = message.rsplit("\n\n", 1)[0]
    flaw = draws.flaw(VERDICT_FLAWS)
    if flaw:
        return "Perhaps", "length" if flaw == "length" else "stop"
    return "true" if len(re.findall(r"\d+", text)) >= 2 else "false", "stop"


def rewrite(message: str, draws: Draws) -> tuple[str, str]:
    """Rewrite the question that stands behind the message's first paragraph, between the tags that it asks for."""
    question = message.partition("\n\n")[2].strip()
    flaw = draws.flaw(REWRITE_FLAWS)
    number = draws.whole("number", 2, 9)
    new = f"Read this with care. {question} Then multiply the result by {number}. What do you get?"
    if flaw == "no_marker":
        return new, "stop"
    if flaw == "length":
        return f"<question>{new[: len(new) // 2]}", "length"
    if flaw == "answer":
        new += f" The answer is {number}."
    if flaw == "foreign":
        new = _filled(FOREIGN[0], draws.whole("a", 20, 99), number)
    text = {"empty": "", "unchanged": question}.get(flaw, new)
    return f"<question>{text}</question>", "stop"


def _filled(text: str, a: int, b: int) -> str:
    return text.replace("{a}", str(a)).replace("{b}", str(b))


def _answer_to(question: str) -> int:
    for text, operation in FORMS:
        pattern = re.escape(text).replace(r"\{a\}", r"(?P<a>\d+)", 1).replace(r"\{b\}", r"(?P<b>\d+)", 1)
        pattern = pattern.replace(r"\{a\}", r"\d+").replace(r"\{b\}", r"\d+")
        if match := re.search(pattern, question):
            return operation(int(match["a"]), int(match["b"]))
    if chain := re.search(r"\d+(?: [+-] \d+)+", question):
        return sum(int(term.replace(" ", "")) for term in re.findall(r"[+-]? ?\d+", chain.group()))
    numbers = re.findall(r"\d+", question)
    return int(numbers[-1][:9]) if numbers else 0
