r"""The known answer in a column of a dataset: the value, or that at the end of a solution, never the solution."""

from __future__ import annotations

import re

from components.shared.texts.math_answers.extraction import BOX, extract_final_answer
from components.shared.texts.prose import prose_sentences, prose_words

_NO_VALUE = re.compile(  # as programs and tables write what is missing
    r"[-+]?(?:nan|nat|inf|<na>|none|null|nil|#?n\s?/?\s?a|n\.a|tbd|\?+|\[\s*\]|\"\"|''"
    r"|none (?:given|provided|available)|unknown|[-–—._…]+|missing|to be \w+"
    r"|not[\s_-]?(?:available|given|provided|known|specified|stated|found)"
    r"|(?:no |the )?(?:final )?answer(?: is)?(?: not| un)?(?: ?(?:available|given|provided|known|found|missing))?)\.?"
    r"|proof\b.*|(?:.*[.!?\n$])?\s*q\.?\s?e\.?\s?d\.?|.*\bq\.\s?e\.\s?d\.?"  # not "arc QED"
    r"|see (?:the )?(?:solution|proof|above|below)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_OPENING = re.compile(
    r"(?:we|let|since|first|because|adding|to find|note|so|then|by|if|there|each|in total|using|solving|suppose|given"
    r"|from|the (?:first|total|number))\b",
    re.IGNORECASE,
)
_OWN_WORDS = re.compile(r"(?:we|let|since|because)\b", re.IGNORECASE)  # no value begins with them
_HEADING = re.compile(r"(?:solution|explanation|proof)\s*[:.]\s*", re.IGNORECASE)
_STEP = re.compile(r"\bstep \d", re.IGNORECASE)
_REASON = re.compile(  # behind something: "5, so …", "x = 3 because …"
    r"\S\s*(?:\b(?:because|since|therefore|hence|thus)\b"
    r"|(?<=[,;\d$)\]}\s])(?<![A-Za-z] )\bso\b(?! (?:far|long|on|many|much)\b)|\\therefore\b|∴)\s*,?\s*\S",
    re.IGNORECASE,
)
_NUMBER_OR_FORMULA = re.compile(r"\d|[=$\\]")
_SIGN = r"(?:[-+*/×÷·−x]|\\(?:times|cdot|div)\b)"
_SUM = re.compile(rf"\d[\d.,\s$%)]*{_SIGN}\s*[($]*\d[^=a-zA-Z]*=\s*[-$<]*\d")  # of numbers alone: no equation of a line
_SAID = re.compile(  # at the end of a solution, as MetaMath's end
    r"(?:^|[.!?\n])\W{0,5}(?:(?:so|thus|hence|therefore),?\s+)?(?:the\s+)?(?:final\s+|correct\s+)?answer(?:\s+is\b\s*:?|\s*:)\s*"
    r"(?P<value>\S(?:[^\n.]|\.(?=\d)){0,80})\.?\s*\Z",
    re.IGNORECASE,
)
MAX_WORDS = 25  # of an answer
MANY_WORDS, SOME_WORDS = 10, 5  # of a sentence; of one that begins like a solution
FEW_WORDS = 6  # of two sentences or more
STEP_WORDS = 3  # with the number of a step: "Step 2" alone says which one
MAX_LINES = 2


def known_answer(text: str) -> str:
    r"""Return the known answer in a text, of a solution that of its box or end; "" if there is none, or no value."""
    text = text.strip()
    if BOX.search(text):
        return extract_final_answer(text)
    if said := _SAID.search(text):
        text = said["value"].strip()
    return "" if _NO_VALUE.fullmatch(text) or _is_solution(text) else text


def _is_solution(text: str) -> bool:
    text = _HEADING.sub("", text, count=1) if _HEADING.match(text) else text
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_LINES and r"\begin" not in text:
        return True
    words = len(prose_words(text))
    if _argues(text, words) or (len(lines) > 1 and all(map(_SUM.search, lines))):
        return True
    is_sentence = text.endswith((".", "!", "?")) or len(lines) > 1
    return words > MAX_WORDS or (is_sentence and words >= (SOME_WORDS if _OPENING.match(text) else MANY_WORDS))


def _argues(text: str, words: int) -> bool:
    """Tell whether a text gives steps, reasons or several sentences; without a number or a formula, few do."""
    if _OWN_WORDS.match(text) and words >= STEP_WORDS:
        return True
    if not _NUMBER_OR_FORMULA.search(text):
        return False
    if _OWN_WORDS.match(text) or (_STEP.search(text) and words >= STEP_WORDS) or _REASON.search(text):
        return True
    return words >= FEW_WORDS and len(prose_sentences(text)) > 1
