"""How a folder's values are distributed, as one small page that loads nothing; for a folder of any size, in seconds."""

from __future__ import annotations

import statistics
from array import array
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from components.shared.evenly import evenly
from components.shared.publishing.histogram import Bar, bars_of, histogram
from components.shared.publishing.jinja_templates import template
from components.shared.publishing.markdown import describe_counts
from components.shared.workspace.row_sources import RowSource, open_source

MAX_PARTS = 20  # that are read, evenly spread; of 1,000 rows each, a share is off by 0.4 % at most
MAX_SINGLE = 20  # so few different values, which repeat, have a bar each
ROW_HEIGHT, BAR_LEFT, BAR_LENGTH = 24, 150, 420  # of the drawing, in its units


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """The values of one column, from all parts of a folder or from some."""

    values: array[float]
    num_read: int  # rows, those without a value included
    num_rows: int  # of the folder

    @property
    def bars(self) -> list[Bar]:
        """A bar for each value where there are few, ten bins otherwise."""
        counts = Counter(self.values)
        if len(counts) > min(MAX_SINGLE, max(1, len(self.values) / 2)):
            return histogram(self.values)
        return bars_of({f"{value:.3g}": counts[value] for value in sorted(counts)})

    @property
    def figures(self) -> str:
        """Mean, median and range, in one sentence; "" without a value."""
        if not self.values:
            return ""
        mean, median = statistics.fmean(self.values), statistics.median(self.values)
        return f"Mean {mean:.3g}, median {median:.3g}, from {min(self.values):.3g} to {max(self.values):.3g}."


def distribution_page(folder: str, column: str, *, title: str, values: str) -> bytes:
    """Return the page of a finished folder's column of numbers; ``values`` names these in the plural."""
    source = open_source(folder)
    page = template(Path(__file__).with_name("distribution.html.jinja")).render(
        title=title,
        values=values,
        folder=folder,
        manifest=source.manifest,
        rejected=describe_counts(source.manifest.rejected),
        distribution=read_distribution(source, column),
        row_height=ROW_HEIGHT,
        bar_left=BAR_LEFT,
        bar_length=BAR_LENGTH,
    )
    return page.encode()


def read_distribution(source: RowSource, column: str) -> Distribution:
    """Read the values of a column; rows without one (null) count as read."""
    values, num_read = array("d"), 0
    for part in evenly(source.parts(), MAX_PARTS):
        table = source.read(part)
        num_read += table.num_rows
        values.extend(value for value in table[column].to_pylist() if value is not None)
    return Distribution(values=values, num_read=num_read, num_rows=source.num_rows)
