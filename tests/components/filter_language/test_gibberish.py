import pytest

from components.filter_language.gibberish import garbage_in
from tests.components.shared.language_cases import ENGLISH


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("What is is is is is is is is is is the sum?", "repeated words (1 in turn)"),
        ("Find the sum of the numbers. Find the sum of the numbers. Find the sum of the numbers.", "repeated words"),
        (" ".join(f"the sum of the {word} is" for word in ("first", "last") * 8), "repeated words"),
        (" ".join(f"add the number {n} to the sum of all" for n in range(12)), "repeated phrases"),
        ("What is the sum?!!!!!!!!!!!!!!!!!!!!!!", "the character '!' 22 times"),
        ("Find " + "ab" * 30, "a word of 60 letters"),
        ("Find <<>>|| ##!! ~~ ** && ^^ %% $$ @@ {} [] ()", "mostly symbols"),
        ("def add(a, b):\n    return a + b\n\nprint(add(1, 2))", "code without a sentence"),
        ("banana " * 40 + "is what the monkey wants to eat", "repeated words (1 in turn)"),
        ("How many?<|im_end|>\n<|im_start|>assistant", "a chat marker: <|im_end|>"),
        ("Sure! Here is a hard problem for you:", "an announcement without a question"),
        ("What is 2 + 2?\n\n## Step 1: Add\nIt is 4.", "a solution behind the question: ## Step 1: Add"),
        ("Find 2 + 2.\nAnswer: 4", "a solution behind the question: Answer: 4"),
        (
            "Find 2 + 2.\n**Solution:** 2 and 2 are 4. It is even.",
            "a solution behind the question: **Solution:** 2 and",
        ),
        (
            "Find f(3), if f(x) = 2x.\n## Step 1: Find the factor.\nIt is 2.",
            "a solution behind the question: ## Step 1",
        ),
        ("Tom has 5 pens and finds 3. Find their number. The final answer is 8.", "a solution behind the question"),
        ("What is 2 + 2?\nSolution: it is 4. Is that even?", "a solution behind the question: Solution: it is 4."),
        ("#include <stdio.h>\nint main() {\n  int x = 2;\n  return x;\n}", "code without a sentence"),
    ],
)
def test_garbage_is_named(text: str, what: str) -> None:
    assert garbage_in(text).startswith(what)


@pytest.mark.parametrize(
    "text",
    [
        "A coin shows heads, heads, heads, tails, heads. What share of the throws were heads?",
        "What comes next: 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2?",
        "Fill in the blank: 3 + ________________________ = 10",
        "One bucket holds 11 ounces, one holds 13 ounces, one holds 12 ounces, one holds 16 ounces. What is the sum?",
        "What does this program print?\n\nx = 2\ny = x * 3\nprint(x + y)",
        "Solve for x:\n2x + 3 = 11",
        "Name the intervals on which 3<|x|>y cannot hold.",
        "Sure enough, here is a problem: what is 3 + 4?",
        "Step 1: take a number. Step 2: add 7. If the result is 31, what was the number?",
        "Which digit goes into the box? The answer is \\boxed{?}.",
        "Evaluate $\\sum_{k=1}^{n} \\left( \\frac{k}{2} + (-1)^{k} \\right)$.",
        "Tom mixes.\nSolution: 3 liters of water and 2 of acid. What percent is acid?",
        "Ana mixes two liquids.\nSolution:\n3 liters of water, 2 of acid.\nFind the percentage of acid.",
        "Let f(x) = 2x + 1 and find f(3).\nAnswer: in simplest form.",
        "What is 6/8 + 1/8?\nAnswer: as a mixed number.",
        "What is 2/3 of 100?\nAnswer: rounded to 2 places.",
        "Tom wins. The final answer is 12. What number did he start with?",
        "Tom doubles a number and adds 2. The final answer is 12. Determine the number that he started with.",
        "Tom reads this.\n## Step 1: take a number.\n## Step 2: add 7.\nWhich number gives 31?",
        *ENGLISH,
    ],
)
def test_mathematics_is_no_garbage(text: str) -> None:
    assert garbage_in(text) == ""
