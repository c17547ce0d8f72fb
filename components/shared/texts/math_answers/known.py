r"""The known answer in a column of a dataset: the value itself, or the box of a whole solution, never the solution."""

from __future__ import annotations

import re

from components.shared.texts.math_answers.extraction import BOX, extract_final_answer
from components.shared.texts.prose import prose_words

_NO_VALUE = re.compile(  # as programs and tables write what is missing
    r"[-+]?(?:nan|nat|inf|<na>|none|null|nil|#?n/?a|tbd|\?+|\[\])\.?"
    r"|proof\b.*|see (?:the )?(?:solution|proof|above|below)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_OPENING = re.compile(
    r"(?:we|let|since|first|because|adding|to find|note|so|then|by|if|there|each|in total|using|solving|suppose|given"
    r"|from|the (?:first|total|number))\b",
    re.IGNORECASE,
)
MAX_WORDS = 25  # of an answer
MANY_WORDS, SOME_WORDS = 10, 5  # of a sentence; of one that begins like a solution
MAX_LINES = 2


def known_answer(text: str) -> str:
    r"""Return the known answer in a text, for a solution the content of its box; "" if there is none, or no value."""
    text = text.strip()
    if BOX.search(text):
        return extract_final_answer(text)
    return "" if _NO_VALUE.fullmatch(text) or _is_solution(text) else text


def _is_solution(text: str) -> bool:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_LINES and r"\begin" not in text:
        return True
    words = len(prose_words(text))
    is_sentence = text.endswith((".", "!", "?")) or len(lines) > 1
    return words > MAX_WORDS or (is_sentence and words >= (SOME_WORDS if _OPENING.match(text) else MANY_WORDS))
