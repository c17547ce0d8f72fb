r"""Primes: of derivatives, ``f''``, of minutes and seconds, ``30'``, or of feet and inches, ``5'10''``."""

from __future__ import annotations

import re

from components.shared.texts.math_answers.units import in_one_unit

_RAISED = re.compile(r"\s*\^\{\s*((?:\\prime\s*)+)\}")
_MEASURE = re.compile(r"(?:(\d+(?:\.\d+)?)\s*'(?!'))?\s*(?:(\d+(?:\.\d+)?)\s*(?:''|\"))?")
_UNITS = (("arcminute", "arcsecond"), ("ft", "in"))


def with_plain_primes(text: str) -> str:
    r"""Return a text with ``f'`` for ``f^{\prime}``."""
    return _RAISED.sub(lambda found: "'" * found[1].count("prime"), text)


def in_units(text: str) -> list[str]:
    """Return what a number with primes may mean: 30' in minutes of arc, and in feet; none for another text."""
    found = _MEASURE.fullmatch(text)
    if found is None or not any(found.groups()):
        return []
    parts = [
        " ".join(f"{number} {unit}" for number, unit in zip(found.groups(), units, strict=True) if number)
        for units in _UNITS
    ]
    return [in_one_unit(part) or part for part in parts]
