"""The prose of a question: its sentences and words, without formulas, numbers and the names of points and variables."""

from __future__ import annotations

import re

_FORMULA = re.compile(
    r"\$\$.+?\$\$|\$[^$]+\$|\\\(.+?\\\)|\\\[.+?\\\]|\\begin\{(\w+\*?)\}.*?\\end\{\1\}|\\[a-zA-Z]+", re.S
)
_PRICE = re.compile(r"\$\d[\d,]*(?:\.\d+)?(?=\s+[A-Za-z]{2,}|[.,;:?!)](?:\s|$))")  # "$5 and", not "$5 + x$"
_MATHEMATICAL = re.compile(r"[^\s\d=+*/^_<>|{}\\~@#]*+[\d=+*/^_<>|{}\\~@#]\S*")  # a token with such a sign in it
_SENTENCE_END = re.compile(r"(?<=[.!?。？！])[\"'”’)*]*\s+|\n+|(?=¿)")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_LONGEST_LABEL = 5  # letters of a name in capitals, such as the quadrilateral ABCD or GCD


def without_formulas(text: str) -> str:
    """Return a text without its formulas; prices in dollars are none."""
    return _FORMULA.sub(" ", _PRICE.sub(" ", text))


def prose_words(text: str) -> list[str]:
    """Return the words of a text in order, as they are written.

    Not words: LaTeX, anything with a digit or an operator in it, single letters, short names in capitals.
    """
    return words_in(without_formulas(text))


def prose_sentences(text: str) -> list[str]:
    """Return the sentences of a text, without its formulas."""
    return [sentence for sentence in _SENTENCE_END.split(without_formulas(text)) if sentence.strip()]


def words_in(prose: str) -> list[str]:
    """Return the words of a text that has no formulas any more."""
    words = WORD.findall(_MATHEMATICAL.sub(" ", prose))
    return [word for word in words if len(word) > 1 and not (len(word) <= _LONGEST_LABEL and word.isupper())]
