r"""What makes one value of two boxes: \frac{[3]}{[4]}, [3] < x < [5], ([2], [3]), [3] hours [20] minutes."""

from __future__ import annotations

import re

_RELATION = r"(?:<|>|\\(?:leq?|geq?)(?![a-zA-Z]))"
_BETWEEN_ENDS = re.compile(rf"\s*({_RELATION}\s*[a-z]\s*{_RELATION})\s*")
_NUMERATOR = re.compile(  # with the sign or the whole number that begins its side
    r"(?:(?:\A|[$=(\[,:])\s*([-−]?\s*\d*)\s*)?\\[dt]?frac\s*\{\s*\Z"
)
_NEXT_GROUP, _DENOMINATOR = re.compile(r"\s*\}\s*\{\s*"), "}"
_OPENED = re.compile(r"(?:\$|\\\(|\\\[|=|\\in)\s*(?:\\left)?\s*([(\[])\s*\Z")
_CLOSED = re.compile(r"\s*(?:\\right)?\s*([)\]])")
_COMMA = re.compile(r"\s*,\s*")
_REMAINDER = re.compile(r"[\s$]*(?:R|r|with (?:a )?remainder(?: of)?|remainder)[\s$]+")
_END = r"[\s$}]*(?:[.,;:!?)\n]|\\[)\]]|\Z|(?:tall|long|high|wide|deep)\b)"  # not "in the box"
_LARGE_AND_SMALL = (
    ("days?", "hours?|hrs?"),
    ("hours?|hrs?|h", "minutes?|mins?"),
    ("minutes?|mins?", "seconds?|secs?"),
    ("feet|foot|ft", rf"inches|inch|in(?={_END})"),
    ("dollars?", r"cents?(?!\s+(?:each|apiece)\b)"),
)
_WORD = r"[\s$]*(?:\\text\{{)?\s*({})\b"
_AND = r"\s*\}?[\s$,]*(?:and\s+)?[\s$]*"
_UNITS = tuple(
    (re.compile(_WORD.format(large) + _AND), re.compile(_WORD.format(small))) for large, small in _LARGE_AND_SMALL
)


def linked(before: str, one: str, between: str, other: str, behind: str) -> str:
    """Return the one value of two boxes with their contents and the texts around them; "" if they are two."""
    if (ends := _BETWEEN_ENDS.fullmatch(between)) is not None:
        return f"{one} {ends[1]} {other}"
    fraction = _NUMERATOR.search(before)
    if fraction and _NEXT_GROUP.fullmatch(between) and behind.lstrip().startswith(_DENOMINATOR):
        return rf"{fraction[1] or ''}\frac{{{one}}}{{{other}}}"
    opened, closed = _OPENED.search(before), _CLOSED.match(behind)
    if opened and closed and _COMMA.fullmatch(between):
        return f"{opened[1]}{one}, {other}{closed[1]}"
    if _REMAINDER.fullmatch(between):
        return f"{one} R {other}"
    for large, small in _UNITS:
        if (unit := large.fullmatch(between)) and (unit_two := small.match(behind)):
            first = one.removesuffix(f" {unit[1]}")  # it is there already in 3 hours 45 minutes [10] seconds
            return f"{first} {unit[1]} {other} {unit_two[1]}"
    return ""
