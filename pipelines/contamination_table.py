"""What find_contamination found, in a terminal: how many questions stand in training rows, by benchmark and rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from components.shared.records import Contamination
from pipelines.reporting import as_data


def print_contamination(console: Console, rows: Iterable[Contamination]) -> None:
    """Print a line for each benchmark and rule."""
    questions, dirty, short = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for row in rows:
        for rule, number in zip(row.rules, row.num_training_rows, strict=True):
            questions[row.source, rule] += 1
            dirty[row.source, rule] += number > 0
            short[row.source, rule] += rule in row.not_testable
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("benchmark", "rule"):
        table.add_column(name, overflow="fold")
    for name in ("questions", "dirty", "not testable"):
        table.add_column(name, justify="right")
    for key, number in questions.items():
        table.add_row(*map(as_data, key), *(f"{each:,}" for each in (number, dirty[key], short[key])))
    console.print(table)
