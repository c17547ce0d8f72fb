import pytest

from components.shared.texts.instructions import CORE_WORDS, is_instruction, may_instruct


@pytest.mark.parametrize(
    "sentence",
    [
        "Please explain.",
        "Explain why.",
        "Show your reasoning.",
        "Express your answer as a single number.",
        "Return only the final number.",
        "Write the answer after ####.",
        r"Put your answer in $\boxed{}$.",
        "Let's solve this.",
        "Can you help me?",
        "I need help:",
        "Read the question carefully and answer it.",
        "Below is a math problem.",
    ],
)
def test_how_to_answer_is_no_part_of_a_question(sentence: str) -> None:
    assert is_instruction(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "Solve this equation.",
        "Solve $x^2 = 9$.",
        "Is this the only solution?",
        "Is the answer a number?",
        "How many problems does she solve?",
        "Give the number.",
        "Round the answer to 2 places.",
        "Express your answer in terms of pi.",
        "Show that it has no solution.",
        "He solves 12 problems.",
        "She answers the phone.",
        "",
    ],
)
def test_what_is_asked_for_or_told_is_one(sentence: str) -> None:
    assert not is_instruction(sentence)


def test_each_word_of_an_instruction_is_looked_for() -> None:
    assert all(may_instruct(f"Please {word}.") for word in CORE_WORDS)
    assert not may_instruct("A jar has 24 beads.")
