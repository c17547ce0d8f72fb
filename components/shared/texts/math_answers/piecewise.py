r"""Functions by cases: ``\begin{cases} x+1 & x<0 \\ 2x & x\ge 0 \end{cases}``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.shared.texts.math_answers.phrases import flat
from components.shared.texts.math_answers.structure import split_at, split_relations

_CASES = re.compile(r"(?:\\\{)?\s*\\begin\s*\{(cases|array)\}(?:\s*\{[lcr|\s]*\})?(.*)\\end\s*\{\1\}\s*\.?", re.DOTALL)
_ROW_BREAK = re.compile(r"\\\\(?:\[\w+\])?")
_IF = re.compile(r"\s*,?\s*(?:if|for|when|where|as|provided)(?![a-zA-Z])\s*", re.IGNORECASE)
_REST = re.compile(r"\s*(?:otherwise|else|elsewhere|in (?:all )?other cases?)\s*\.?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Piece:
    """A value, and when it holds; "otherwise" for the rest."""

    value: str
    condition: str


def pieces_of(text: str) -> list[Piece] | None:
    """Return the pieces of a function by cases; None for another text, such as a system of equations."""
    found = _CASES.fullmatch(text.strip())
    if found is None:
        return None
    pieces = [_piece_of(row) for row in _ROW_BREAK.split(found[2]) if row.strip()]
    return [piece for piece in pieces if piece] if pieces and all(pieces) else None


def _piece_of(row: str) -> Piece | None:
    cells = [cell.strip(" ,") for cell in split_at(row, "&")]
    if len(cells) != 2:
        cells = [part.strip(" ,") for part in split_at(row, ",")]
    if len(cells) != 2 or split_relations(cells[0])[1]:
        return None
    condition = _IF.sub("", flat(cells[1]), count=1).strip(" ,.")
    if _REST.fullmatch(condition):
        return Piece(cells[0], "otherwise")
    return Piece(cells[0], condition) if split_relations(condition)[1] or r"\in" in condition else None
