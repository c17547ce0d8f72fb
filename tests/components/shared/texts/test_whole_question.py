from __future__ import annotations

import pytest

from components.shared.texts.whole_question import fault_of, without_label

QUESTION = "Tom has 5 apples and buys 7. How many apples does he have?"

WHOLE = [
    QUESTION,
    "Calculate 12 + 5.",
    "3 + 4 = ?",
    "What is 34 + 12 - 7 =",
    "Solve for x: 3x = 12",
    "Find all real $x$ such that $x^2 - 9 = 0$",
    "Compute $\\gcd(12, 18)$",
    "Let $f(x) = x^2$ for $x \\in [0, 3)$. Find $f(2)$.",
    "I have 3 coins and you have 4. How many do we have?",
    "I am thinking of a number. If I double it I get 12. What is it?",
    "There are no more than 10 boys in a class of 24. How many girls are there at least?",
    "Sorry's shop sells 4 hats at $3 each. What do they cost?",
    "Write the equation of the line through (0, 1) and (2, 5).",
    "Write a polynomial with the roots 1 and 2.",
    "The text of a book has 300 pages with 40 lines each. How many lines is that?",
    "The problem set has 12 problems, of which Eva solves 9. What share does she solve?",
    "A pen costs $.50. What do 6 pens cost?",
    "Ana pays 600$ for 3 chairs. What is the price of one?",
    "Fill in the blank: 3 + ____ = 10",
    "If $\\left\\{1, 2\\right.$ begins a list of numbers, how many has it so far?",
    "Which is larger, 2^30 or 3^20?",
    "Prove that the square of an odd number is odd.",
    "Evaluate $\\frac{1}{2} + \\frac{1}{3}$",
    "The answer to a quiz question is worth 5 points. How many points are 7 right answers worth?",
    "Given 3 red and 4 blue balls, a ball is drawn. State the probability that it is red.",
    "The puzzle has 500 pieces. Tom places 20 an hour. How many hours does he need?",
    "The puzzle has five hundred pieces. Tom places twenty an hour. How many hours does he need?",
    "The text has 300 words on 10 lines. How many words are on a line?",
    "The exercise is 30 minutes long. Ana does it on 4 days. How many minutes is that?",
    "The problem has 3 parts of 5 points each. Find the number of its points.",
    "I will give 3 of my 10 apples away. How many remain?",
    "I cannot read more than 20 pages a day. How many days do I need for 300 pages?",
    "We do not see 3 of the 10 stars. How many do we see?",
    "I am happy on 3 of 7 days. On what share of the days am I not?",
    "Unfortunately, Tom lost 3 of his 10 apples. How many remain?",
    "There are no problems left after Tom solved 5. How many were there, if Ana solved 4?",
    "No puzzle has more than 500 pieces. What is the most that 3 puzzles can have?",
    "The interval is (3, 5]. What is its length?",
    "Is f(2) in $(f(1), f(3)]$ for $f(x) = 2x$?",
    "Which integers lie in $(-\\infty, 5]$ and in [2, 8)?",
    "Input: 1, 2, 3\nOutput: 2, 4, 6\nWhat is the rule?",
    "Input: 3 Output: 9\nInput: x Output: 81\nWhat is x?",
    "Can you tell how many sides a hexagon has?",
    "Can you tell me the area of a circle of radius r?",
]
FAULTY = {
    "a refusal or a remark": [
        "I'm sorry, but I can't rewrite this question.",
        "Could you tell me more about what is needed?",
        "Can you tell me what the question is?",
        "I am sorry, I cannot help with that.",
        "Sorry, that is not possible.",
        "I cannot make this question any harder.",
        "I can't provide a rewritten version.",
        "As an AI language model, I have no opinion on apples.",
        "Unfortunately, the question lacks a number.",
        "I apologize, but no number is given.",
        "Sure! Tom has 5 apples. How many does he have?",
        "Here is the rewritten question:",
        "Here's a harder version of the question.",
        "The question is already solvable.",
        "This question cannot be made harder.",
        "The original question does not need any changes.",
        "There is nothing to change in this question.",
        "No changes needed.",
        "We do not see what could be mended.",
        "The puzzle has 3 mistakes.",
        "The question lacks a number. Please provide 1 more.",
        "The question is already solvable. How many apples does Tom have, if he buys 7?",
        "I cannot rewrite this. How many apples does Tom have, if he buys 7?",
        "I can't answer your question with 3 numbers. Is there a fourth?",
        "I will now rewrite the question: Tom has 5 apples. How many does he have?",
        "Unfortunately, the question lacks 2 numbers. What are they?",
        "No problem! Tom has 5 apples and buys 7. How many does he have?",
    ],
    "a placeholder": [
        "N/A",
        "n/a.",
        "None",
        "null",
        "...",
        "-",
        "TBD",
        "your rewritten question here",
        "The new question",
        "Rewritten question",
        "Your question here.",
        "[insert rewritten question]",
        "[Insert the harder question here]",
        "(your new question)",
        "<your question>",
        "{new question here}",
        "[Your text]",
        "Same as above",
        "Lorem ipsum dolor sit amet",
        "[Name] has [number] apples. How many apples does [Name] have?",
        "Tom",
    ],
    "leftovers of a template": [
        f"{{{{question}}}} {QUESTION}",
        "{question}",
        f"{QUESTION}<|im_end|>",
        f"{QUESTION} [/INST]",
        f"{QUESTION}</s>",
        f"{QUESTION}\n<answer>",
        f"User: {QUESTION}",
        f"### Instruction: {QUESTION}",
        f"{QUESTION}\nAssistant: He has 12.",
        f"Input: {QUESTION}",
        f"{QUESTION}\nOutput: He has 12.",
    ],
    "an instruction": [
        f"Rewrite the question to be harder: {QUESTION}",
        f"Make this mathematics question harder: {QUESTION}",
        f"Please rephrase the following problem. {QUESTION}",
        f"Mend this mathematics question so that it can be solved. {QUESTION}",
        f"{QUESTION} Do not answer it.",
        f"{QUESTION} Write the new question between tags.",
        f"Create a new math problem about apples: {QUESTION}",
        f"Modify the problem so that it needs two steps. {QUESTION}",
    ],
    "nothing is asked for": ["Tom has 5 apples and buys 7.", "A triangle has three sides and three angles."],
    "breaks off": [
        "What happens if Tom has 5 apples, buys 7 and then",
        "Tom has 5 apples and buys 7. How many apples does he have if he also",
        "How many apples does Tom have, if he buys 7,",
        "Find the sum of the",
        "Calculate 12 +",
        "Calculate $12 +$ 3 and multiply the result by",
        "Tom has 5 apples. How many apples does he ha",
        "Compute 3 \\times",
    ],
    "ends in dots": ["How many apples does Tom have…", "Find the value of x if x + 3 ..."],
    "not closed": [
        "Find $x if x + y = 3",
        "What is the sum of all numbers (of two digits",
        "Find the length of (3, 5] (with f(x",
        "Compute \\frac{1}{2",
    ],
}


@pytest.mark.parametrize("text", WHOLE)
def test_a_whole_question_has_no_fault(text: str) -> None:
    assert fault_of(text) == ""


@pytest.mark.parametrize(("text", "fault"), [(text, fault) for fault, texts in FAULTY.items() for text in texts])
def test_what_is_no_whole_question_is_named(text: str, fault: str) -> None:
    assert fault in fault_of(text)
    assert fault_of(text) != ""


@pytest.mark.parametrize(
    "label",
    [
        "Question: ",
        "**Question:** ",
        "Rewritten question: ",
        "New problem:\n",
        "Problem 3: ",
        "Q: ",
        "The harder version: ",
    ],
)
def test_a_label_in_front_is_taken_off(label: str) -> None:
    assert without_label(label + QUESTION) == QUESTION
    assert without_label(QUESTION) == QUESTION
