"""What makes two questions the same: their words, and the exact sequence of their numbers and signs."""

from __future__ import annotations

import re
import unicodedata

SHINGLE_WORDS = 3

_ALIKE = str.maketrans("‘’‚“”„‐‑‒–—−·⋅∗×÷", "'''\"\"\"------****/")
_TIMES = re.compile(r"\\(?:times|cdot)\b")
_HYPHEN = re.compile(r"(?<=[^\W\d_]{2})-(?=[^\W\d_]{2})|(?<=\d)-(?=[^\W\d_]{3})")  # no minus: "a 5-year-old"
_LATEX_LAYOUT = re.compile(r"\\[()\[\],;!]|\$|\\(?:left|right|quad|displaystyle)\b")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_TOKEN = re.compile(r"\d+(?:\.\d+)?|\\?[^\W\d_]+(?:'[^\W\d_]+)*|[^\w\s]|_")
_PUNCTUATION = frozenset(".,;:?!'\"")
_NUMBER_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
NUMBER_WORDS = {word: str(value) for value, word in enumerate(_NUMBER_WORDS.split())} | {
    **{"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90"},
    **{"hundred": "100", "thousand": "1000", "million": "1000000", "dozen": "12", "half": "1/2", "halves": "1/2"},
    **{"once": "1", "twice": "2", "double": "2", "triple": "3", "thrice": "3", "quarter": "1/4", "third": "1/3"},
}


def tokens_of(question: str) -> list[str]:
    """Return words, numbers and signs of a question: without punctuation, capitals, or layout of its formulas."""
    text = unicodedata.normalize("NFC", question).translate(_ALIKE).lower()
    text = _HYPHEN.sub(" ", _THOUSANDS.sub("", _TIMES.sub("*", _LATEX_LAYOUT.sub(" ", text))))
    return [token for token in _TOKEN.findall(text) if token not in _PUNCTUATION]


def numbers_of(tokens: list[str]) -> list[str]:
    """Return what must be equal in two versions of one question: numbers, number words by value, signs, variables."""
    return [NUMBER_WORDS.get(token, token) for token in tokens if token in NUMBER_WORDS or _counts(token)]


def shingles_of(tokens: list[str]) -> list[str]:
    """Return the distinct runs of SHINGLE_WORDS tokens in any order; the whole text where it is shorter."""
    last = max(len(tokens) - SHINGLE_WORDS, 0)
    return list({" ".join(tokens[start : start + SHINGLE_WORDS]) for start in range(last + 1)})


def _counts(word: str) -> bool:
    """Tell whether a token is a number, a sign, a LaTeX command or a variable ("a" and "i" are mostly words)."""
    if len(word) > 1:
        return not word.isalpha() and "'" not in word
    return word not in "ai"
