"""What a reply without a box most likely gives as its answer: a lenient reading, for a second figure only."""

from __future__ import annotations

import re

_SAID = re.compile(r"\banswer(?:\s+is\b|\s*[:=])+\s*(?P<value>.+?)(?:[.!?](?=\s|$)|$)", re.I | re.M)
_NUMBER = re.compile(r"(?:(?<![\w)])[-−])?\d+(?:,\d{3})*(?:\.\d+)?(?:/\d+)?")


def unboxed_answer(reply: str) -> str:
    """Return what stands behind the last "answer is", else the last number, as others read replies; "" for neither."""
    if said := list(_SAID.finditer(reply)):
        return said[-1]["value"].strip(" \t:*")
    numbers = _NUMBER.findall(reply)
    return numbers[-1] if numbers else ""
