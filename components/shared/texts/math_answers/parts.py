"""The parts of an answer that are numbered: (1) 3; (2) 5, (a) 3, (b) 7, i) 2 ii) 4. Their order counts."""

from __future__ import annotations

import re

_LABELS = (tuple(map(str, range(1, 10))), tuple("abcdefgh"), tuple("ABCDEFGH"), ("i", "ii", "iii", "iv", "v"))
_MARK = re.compile(r"(?:^|(?<=[\s,;]))(?:\\text\s*\{\s*)?(\(?)([1-9]|[a-hA-H]|i{1,3}|iv|v)\)(?:\s*\})?(?!\s*[!^_])")
_BEHIND = re.compile(r"(?:[\s,;]|\\text\s*\{\s*,?\s*and\s*\}|(?<![a-zA-Z\\])and)+\Z")
_OPERATOR = re.compile(r"(?:[-+*/=<>^_(\[{|]|\\(?:cdot|times|div|pm|leq?|geq?|neq|to|cup|cap|in|sqrt))\Z")


def parts_of(text: str) -> list[str] | None:
    """Return what stands behind the marks of an answer that begins with (1), (a) or (i); None of another answer."""
    first = _MARK.match(text)
    if first is None or not any(labels[0] == first[2] for labels in _LABELS):
        return None
    labels = next(labels for labels in _LABELS if labels[0] == first[2])
    marks: list[re.Match[str]] = []
    for mark in _MARK.finditer(text):
        if len(marks) < len(labels) and (mark[1], mark[2]) == (first[1], labels[len(marks)]):
            marks.append(mark)
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    parts = [_BEHIND.sub("", text[mark.end() : end]).strip() for mark, end in zip(marks, ends, strict=True)]
    return parts if len(parts) > 1 and all(part and not _OPERATOR.search(part) for part in parts) else None
