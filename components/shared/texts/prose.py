"""The prose of a question: its words, without formulas, numbers and the names of points and variables."""

from __future__ import annotations

import re

_FORMULA = re.compile(
    r"\$\$.+?\$\$|\$[^$]+\$|\\\(.+?\\\)|\\\[.+?\\\]|\\begin\{(\w+\*?)\}.*?\\end\{\1\}|\\[a-zA-Z]+", re.S
)
_MATHEMATICAL = re.compile(r"[\d=+*/^_<>|{}\\~@#]")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_LONGEST_LABEL = 5  # letters of a name in capitals, such as the quadrilateral ABCD or GCD


def prose_words(text: str) -> list[str]:
    """Return the words of a text in order, as they are written.

    Not words: LaTeX, anything with a digit or an operator in it, single letters, short names in capitals.
    """
    tokens = (token for token in _FORMULA.sub(" ", text).split() if not _MATHEMATICAL.search(token))
    words = (word for token in tokens for word in WORD.findall(token))
    return [word for word in words if len(word) > 1 and not (word.isupper() and len(word) <= _LONGEST_LABEL)]
