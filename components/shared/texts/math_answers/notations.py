r"""Numbers of choices as others write them, in the one notation of LaTeX.

``C(10,3)``, ``{}_{10}C_{3}``, ``C_{10}^{3}`` and ``10C3`` are ``\binom{10}{3}``; the same with P is 10!/(10-3)!.
"""

from __future__ import annotations

import re

_LETTER = r"(?:\\text\s*\{\s*)?(?P<letter>[CP])\s*\}?\s*"
_NOTATIONS = tuple(
    re.compile(rf"(?<![a-zA-Z\\\d_^}}]){pattern}(?![\w^])")
    for pattern in (
        rf"{_LETTER}\(\s*(?P<all>\d+|[a-z])\s*,\s*(?P<some>\d+|[a-z])\s*\)",
        rf"(?:\{{\s*\}}\s*)?[_^]\{{(?P<all>\w+)\}}\s*{_LETTER}_\{{(?P<some>\w+)\}}",
        rf"{_LETTER}_\{{(?P<all>\w+)\}}\s*\^\{{(?P<some>\w+)\}}",
        rf"{_LETTER}\^\{{(?P<some>\w+)\}}\s*_\{{(?P<all>\w+)\}}",
        rf"(?P<all>\d+)\s*{_LETTER}(?P<some>\d+)",
    )
)


def in_binomials(text: str) -> str:
    """Return a text with each number of choices in LaTeX; the text itself if it has none."""
    for notation in _NOTATIONS:
        text = notation.sub(_in_latex, text)
    return text


def _in_latex(found: re.Match[str]) -> str:
    number, chosen = found["all"], found["some"]
    if number.isdigit() and chosen.isdigit() and int(number) < int(chosen):
        return found[0]  # a point: P(2, 3)
    if found["letter"] == "C":
        return rf"\binom{{{number}}}{{{chosen}}}"
    return rf"\frac{{{number}!}}{{({number}-{chosen})!}}"
