"""A text of which it is known what a chat template wrote and what a row did.

Control tokens (``<|im_end|>``) are such where a template writes them; in a row they are text like any other.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text that has one author."""

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
    """Return a text that a row holds: a question, a response."""
    return MarkedText((Piece(text, is_of_row=True),))


def of_template(text: str) -> MarkedText:
    """Return a text that a chat template writes."""
    return MarkedText((Piece(text, is_of_row=False),))
