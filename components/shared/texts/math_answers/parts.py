"""The parts of an answer that have labels: (1) 3; (2) 5, (a) 3, (b) 7, i) 2 ii) 4. A part is known by its label."""

from __future__ import annotations

import re

from components.shared.texts.math_answers.structure import split_at

_LABELS = (tuple(map(str, range(1, 10))), tuple("abcdefgh"), tuple("ABCDEFGH"), ("i", "ii", "iii", "iv", "v"))
_MARK = re.compile(
    r"(?:^|(?<=[\s,;])|(?<=\\\\))(?:\\text\s*\{\s*)?(\(?)([1-9]|[a-hA-H]|i{1,3}|iv|v)\)(?:\s*\})?(?!\s*(?:[!^_,;]|\Z))"
)
_POINTED = re.compile(
    r"(?:^|(?<=[\s,;])|(?<=\\\\))(?:\\text\s*\{\s*)?([1-9]|[a-hA-H]|i{1,3}|iv|v)\.(?:\s*\}\s*|\s+)(?=\S)"
)
_BEHIND = re.compile(r"(?:[\s,;]|\\\\|\\q?quad(?![a-zA-Z])|\\text\s*\{\s*,?\s*and\s*\}|(?<![a-zA-Z\\])and)+\Z")
_OPERATOR = re.compile(r"(?:[-+*/=<>^_(\[{|]|\\(?:cdot|times|div|pm|leq?|geq?|neq|to|cup|cap|in|sqrt))\Z")


def parts_of(text: str) -> dict[int, str] | None:
    """Return what stands behind each label of an answer that begins with one; None of another answer.

    The keys are the places of the labels: 2 of (2), (b) and (ii). They stand in the order of the text.
    """
    marks = _marks_of(text)
    if len(marks) < 2:
        return None
    ends = [*(mark.start() for _, mark in marks[1:]), len(text)]
    parts = {
        place: _BEHIND.sub("", text[mark.end() : end]).strip() for (place, mark), end in zip(marks, ends, strict=True)
    }
    return parts if all(part and not _OPERATOR.search(part) for part in parts.values()) else None


def in_round_marks(text: str) -> str:
    """Return "1. 3; 2. 5" with its marks in brackets; a text whose marks are no row from the first on as it is."""
    marks = list(_POINTED.finditer(text))
    labels = [mark[1] for mark in marks]
    rows = [row for row in _LABELS if tuple(labels) == row[: len(labels)]]
    if len(marks) < 2 or marks[0].start() or not rows:
        return text
    return _POINTED.sub(r"(\1) ", text)


def items_at_breaks(text: str) -> list[str]:
    r"""Return the items between semicolons, or else between row breaks: "3, 5; 7" has two."""
    items = split_at(text, ";")
    return items if len(items) > 1 else split_at(text, "\\\\")


def _marks_of(text: str) -> list[tuple[int, re.Match[str]]]:
    """Return the marks of one kind with their places: the next one of a row, or any new one behind a comma."""
    first = _MARK.match(text)
    if first is None:
        return []
    labels = next(labels for labels in _LABELS if first[2] in labels)
    marks = [(labels.index(first[2]) + 1, first)]
    for mark in _MARK.finditer(text, first.end()):
        if mark[1] != first[1] or mark[2] not in labels:
            continue
        last, before = marks[-1]
        place, between = labels.index(mark[2]) + 1, text[before.end() : mark.start()]
        behind = _BEHIND.search(between)
        is_listed = behind is not None and not behind[0].isspace() and place not in dict(marks)
        if (place == last + 1 or is_listed) and _is_balanced(between):
            marks.append((place, mark))
    return marks


def _is_balanced(text: str) -> bool:
    """Tell whether as many brackets open as close, of whatever kind: [1, 2) is an interval, and ]1, 2[ another."""
    return sum(map(text.count, "([")) == sum(map(text.count, ")]"))
