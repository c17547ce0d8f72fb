"""A text that records which pieces a chat template wrote and which come from a row.

Control tokens (``<|im_end|>``) are control tokens only if a template writes them; in a row they are plain text.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text with one author."""

    text: str
    is_of_row: bool


@dataclass(frozen=True, slots=True)
class MarkedText:
    """The pieces of a text, in order; ``str()`` gives the text itself."""

    pieces: tuple[Piece, ...]

    def __str__(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    def __add__(self, other: MarkedText) -> MarkedText:
        return MarkedText((*self.pieces, *other.pieces))


def of_row(text: str) -> MarkedText:
    """Return a text that comes from a row: a question, a response."""
    return MarkedText((Piece(text, is_of_row=True),))


def of_template(text: str) -> MarkedText:
    """Return a text that a chat template writes."""
    return MarkedText((Piece(text, is_of_row=False),))
