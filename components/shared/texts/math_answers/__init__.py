"""Final answers: found in replies, compared by value."""

from components.shared.texts.math_answers.checker import AnswerChecker
from components.shared.texts.math_answers.extraction import extract_final_answer
from components.shared.texts.math_answers.known import known_answer
from components.shared.texts.math_answers.normal import normalize_answer
from components.shared.texts.math_answers.tolerance import are_within
from components.shared.texts.math_answers.unboxed import unboxed_answer

__all__ = [
    "AnswerChecker",
    "are_within",
    "extract_final_answer",
    "known_answer",
    "normalize_answer",
    "unboxed_answer",
]
