"""Distributions as drawings: the numbers of a histogram, and of one value by another, in the units of an SVG."""

from __future__ import annotations

import statistics
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

from components.shared.publishing.histogram import bins_of, round_step

WIDTH, HEIGHT = 340, 130  # of the drawing without the lines of text below it
LEFT = 34  # where bars begin: labels of the vertical axis stand before
MAX_LABELS = 5  # of the horizontal axis


@dataclass(frozen=True, kw_only=True)
class Label:
    """A word at an axis."""

    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Column:
    """A bar of a histogram, or the middle half of a bin's values with their median; ``top`` is above ``bottom``."""

    left: float
    width: float
    top: float
    bottom: float
    middle: float | None  # where the median is drawn
    told: str

    @property
    def height(self) -> float:
        """How high it is drawn; what is there is seen."""
        return max(self.bottom - self.top, 1.0)


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawing with columns side by side."""

    heading: str
    told: str  # all of it in a sentence
    columns: Sequence[Column]
    below: Sequence[Label]  # of the horizontal axis
    beside: Sequence[Label]  # of the vertical axis
    unit: str


def histogram_chart(heading: str, values: array[float], unit: str) -> Chart | None:
    """Return the histogram of values; None without any."""
    if not values:
        return None
    bins = bins_of(values)
    most, step = max(bins.counts), (WIDTH - LEFT) / len(bins.counts)
    columns = [
        Column(
            left=LEFT + step * number,
            width=max(step - 2, 1),
            top=HEIGHT * (1 - count / most),
            bottom=HEIGHT,
            middle=None,
            told=f"{bins.label(number)}: {count:,} rows",
        )
        for number, count in enumerate(bins.counts)
        if count
    ]
    return Chart(
        heading=heading,
        told=f"{heading}: {_figures(values)}",
        columns=columns,
        below=_labels(bins.edges, step),
        beside=[Label(at=0, text=_short(most)), Label(at=HEIGHT, text="0")],
        unit=unit,
    )


def quartile_chart(heading: str, xs: array[float], ys: array[float], unit: str) -> Chart | None:
    """Return the middle half of ``ys`` and their median by bins of ``xs``; None without values."""
    if not xs:
        return None
    bins = bins_of(xs)
    groups: list[list[float]] = [[] for _ in bins.counts]
    for x, y in zip(xs, ys, strict=True):
        groups[bins.number_of(x)].append(y)
    quartiles = {number: _quartiles(group) for number, group in enumerate(groups) if group}
    low, high = min(each[0] for each in quartiles.values()), max(each[2] for each in quartiles.values())
    scale, step = HEIGHT / (high - low or 1), (WIDTH - LEFT) / len(groups)
    columns = [
        Column(
            left=LEFT + step * number,
            width=max(step - 2, 1),
            top=(high - third) * scale,
            bottom=(high - first) * scale,
            middle=(high - median) * scale,
            told=f"{bins.label(number)}: median {median:.3g}, half of {len(groups[number]):,} rows "
            f"from {first:.3g} to {third:.3g}",
        )
        for number, (first, median, third) in quartiles.items()
    ]
    return Chart(
        heading=heading,
        told=f"{heading}: {'; '.join(each.told for each in columns)}",
        columns=columns,
        below=_labels(bins.edges, step),
        beside=[Label(at=0, text=f"{high:.3g}"), Label(at=HEIGHT, text=f"{low:.3g}")],
        unit=unit,
    )


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    if len(values) == 1:
        return values[0], values[0], values[0]
    first, median, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, median, third


def _labels(edges: Sequence[float], step: float) -> list[Label]:
    """Return the words below the edges, at most five of them."""
    if edges[0] == edges[-1]:
        return [Label(at=LEFT + step / 2, text=f"{edges[0]:.3g}")]
    each = int(round_step(max(1, (len(edges) - 1) / (MAX_LABELS - 1)))) or 1
    return [Label(at=LEFT + step * n, text=f"{edge:.6g}") for n, edge in enumerate(edges) if n % each == 0]


def _figures(values: array[float]) -> str:
    return (
        f"mean {statistics.fmean(values):.3g}, median {statistics.median(values):.3g}, "
        f"from {min(values):.3g} to {max(values):.3g}"
    )


def _short(number: int) -> str:
    return f"{number / 1e6:.3g}M" if number >= 1e6 else f"{number / 1e3:.3g}k" if number >= 1e4 else str(number)
