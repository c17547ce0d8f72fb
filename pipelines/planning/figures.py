"""Figures of a plan: a number, where it comes from, and whether it is a bound; None where nothing gives it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number that is expected."""

    value: float
    sources: tuple[str, ...] = ()  # where it comes from, in words: a folder, the preset, an option
    at_most: bool = False

    def times(self, rate: Figure) -> Figure:
        """Return the product with a rate, whose sources it names: where the rows come from, their own figure says."""
        value = self.value * rate.value
        return Figure(value=value, sources=rate.sources, at_most=bool(value) and (self.at_most or rate.at_most))

    def scaled(self, number: float) -> Figure:
        """Return it so many times."""
        return Figure(value=self.value * number, sources=self.sources, at_most=self.at_most)


@dataclass(frozen=True, kw_only=True)
class Total:
    """A sum, and which steps it lacks because nothing says what they take."""

    value: float = 0.0
    unknown: tuple[str, ...] = ()  # names of steps, each once
    at_most: bool = False

    @property
    def is_known(self) -> bool:
        """Whether no step is missing."""
        return not self.unknown


NOTHING = Figure(value=0.0)


def product(rows: Figure | None, rate: Figure | None) -> Figure | None:
    """Return the product; None where a factor is not known, unless the other one is 0."""
    if rows is None or rate is None:
        return NOTHING if NOTHING in (rows, rate) else None
    return rows.times(rate)


def added(figures: Iterable[Figure | None]) -> Figure | None:
    """Return the sum, whose sources its summands say; None where one is not known."""
    total = NOTHING
    for figure in figures:
        if figure is None:
            return None
        total = Figure(value=total.value + figure.value, at_most=total.at_most or figure.at_most)
    return total


def total_of(figures: Iterable[tuple[str, Figure | None]]) -> Total:
    """Return the sum of what steps take, by their names."""
    figures = list(figures)
    known = [figure for _, figure in figures if figure is not None]
    return Total(
        value=sum(figure.value for figure in known),
        unknown=tuple(dict.fromkeys(name for name, figure in figures if figure is None)),
        at_most=any(figure.at_most for figure in known),
    )
