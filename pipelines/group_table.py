"""Figures of groups, as `scalequest show` prints them: in a manifest they are "subject/Algebra/accuracy" and so on."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from pipelines.reporting import as_data

_KEY = re.compile(r"(?P<kind>\w+)/(?P<group>.+)/(?P<figure>\w+)", re.DOTALL)


def print_groups(console: Console, metrics: Mapping[str, float]) -> None:
    """Print a table for each kind of group that has figures: questions, how many are right, accuracy and interval."""
    tables: dict[str, dict[str, dict[str, float]]] = {}
    for name, value in metrics.items():
        if found := _KEY.fullmatch(name):
            tables.setdefault(found["kind"], {}).setdefault(found["group"], {})[found["figure"]] = value
    for kind, groups in tables.items():
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column(as_data(kind), overflow="fold")
        for heading in ("questions", "right", "accuracy", "95 % interval"):
            table.add_column(heading, justify="right", no_wrap=True)
        for group, figures in sorted(groups.items()):
            table.add_row(as_data(group), *_cells(figures))
        console.print()
        console.print(table)


def _cells(figures: Mapping[str, float]) -> list[str]:
    accuracy, low, high = (100 * figures[name] for name in ("accuracy", "accuracy_low", "accuracy_high"))
    return [
        f"{figures['num_questions']:g}",
        f"{figures['num_correct']:g}",
        f"{accuracy:.1f} %",
        f"{low:.1f} to {high:.1f} %",
    ]
