from __future__ import annotations

import pytest

from components.build_preferences.answers import answer_in

ASKED = "Tom has 5 apples, buys 7 and eats 1. How many are left?"


@pytest.mark.parametrize(
    "text",
    [
        f"{ASKED} (11)",
        f"{ASKED} [11 apples]",
        f"{ASKED} (Answer: 11)",
        f"{ASKED} (eleven)",
        f"{ASKED} Ans. 11",
        f"{ASKED} Ans: $11$",
        f"{ASKED} Answer: 11",
        f"{ASKED} The answer is 11.",
        f"{ASKED} The answer is eleven.",
        f"{ASKED} The final answer is $\\boxed{{11}}$.",
        f"{ASKED} He has eleven apples.",
        f"{ASKED} There are 11 apples left.",
        f"{ASKED} Tom has 11 apples left.",
        f"{ASKED}\nSolution: 5 apples and 7",
        f"{ASKED}\nStep 1: add the apples.",
        f"{ASKED} 5 + 7 - 1 = 11",
        f"{ASKED} $5 \\times 7 = 35$",
        f"{ASKED} So he has 12 = 5 + 7 apples: 12 - 1 = 11.",
        f"{ASKED} He has twenty five apples.",
        f"{ASKED} Tom has 11 (eleven) apples left.",
        f"{ASKED} One boy has 11 apples.",
        f"{ASKED}\nTherefore, he has some.",
        f"{ASKED} Because 5 + 7 - 1 = 11.",
        f"So far Tom has no car. {ASKED}\nSolution: 5 apples and 7",
        f"{ASKED}\nSo 12 of them minus one.",
        f"{ASKED}\nSolution: Find the sum of 5 and 7. Then take 1 away.",
        f"{ASKED}\nStep 1: Find the sum of 5 and 7.\nStep 2: take 1 away.",
        "How long does the trip take? It takes 3 hours and 20 minutes.",
        "If Tom has 5 apples and buys 7, he has some. 5 + 7 = 12. How many are left, if he eats 1?",
    ],
)
def test_an_answer_is_seen(text: str) -> None:
    assert answer_in(text)


@pytest.mark.parametrize(
    "text",
    [
        ASKED,
        "Find all real $x$ such that $x^2 + 1 = 0$.",
        "Tom plants apples in rows: $x^2 + 6 = 22$. How many rows $x$ are there?",
        "Solve $2x + 3 - 5 = 10$ and $3^2 - 1 = y$.",
        "For which a is $a_1 + 2 = 3$?",
        "For which x is 2 + 3 = 5x?",
        "When is $f(2) + 3 - 4 = 10$, if $f(x) = kx$?",
        "Find $x$, if $\\sqrt{x} + 3 - 1 = 6$.",
        "If the answer is even, Tom gets 5 apples, else 7. How many does he get for $3^4$?",
        "The answer is an integer. Which integers solve $x^2 < 4$?",
        "If the answer is 7 times as large as 3, what is it?",
        f"{ASKED} Assume that an apple weighs 100 g.",
        f"{ASKED} Round to 2 digits.",
        f"{ASKED} Give your answer as a fraction.",
        "How many inches are 3 feet? There are 12 inches in a foot.",
        "How long is it in cm? (There are 2.5 cm per inch.)",
        "A saline solution is 20% salt. How much water makes 5 l of it a 10% solution?",
        "What is the probability of a sum of 7 (with two dice)?",
        "Which of these is prime? (A) 4 (B) 5 (C) 6",
        "How many are left? He had 10 apples and ate 3.",
        "How many are left? He had ten apples and ate three of them.",
        "What is x? There are 5 boxes and each has 3 pens.",
        "What does Ana pay? The pens cost $2 each and she buys 6 of them.",
        "If 3 + 4 = 7, what is 7 + 4?",
        "If 3 + 4 = 7 and 4 + 5 = 9, what is 7 + 9?",
        "Given 5 × 3 = 15, find 15 ÷ 3.",
        "Given that $5 \\times 3 = 15$, what is $15 \\div 3$?",
        "Tom says 3 + 4 = 8. By how much is he wrong?",
        "Is it true that 12 - 5 = 8?",
        "Tom has x apples and x - 3 are left.\nTherefore, find x.",
        "Tom has 5 apples.\nSo how many apples has he, if he buys 7?",
        "So far Tom has 5 apples. How many are missing to 12?",
        "The solution: 3 L of acid is mixed with 2 L of water. What share of it is acid?",
        "Step 1: take a number. Step 2: add 7. If the result is 31, what was the number?",
    ],
)
def test_what_only_looks_like_an_answer_is_none(text: str) -> None:
    assert answer_in(text) == ""
