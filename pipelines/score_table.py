"""The table of compare_solvers in a terminal: models by benchmarks, then what a training changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components.shared.records import Score

WARNING = (
    "The paper's figures (ScaleQuest, Table 1) are another program's, with other prompts and another comparison of "
    "answers: never subtract them from ours."
)


def print_scores(console: Console, rows: Sequence[Score]) -> None:
    """Print the scores beside the paper's, then the differences; groups of questions stand on the page."""
    whole = [row for row in rows if not row.group_by]
    console.print(_scores(whole))
    if any(row.origin == "paper" for row in whole):
        console.print(WARNING, highlight=False)
    if differences := [row for row in whole if row.difference is not None]:
        console.print()
        console.print(_differences(differences))


def _scores(rows: Sequence[Score]) -> Table:
    """Return the models by benchmarks: per cent right, the interval, what was cut off or has no answer."""
    benchmarks = dict.fromkeys(row.benchmark for row in rows)
    cells = {(row.origin, row.model, row.benchmark): row for row in rows}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("% right, 95 % interval", overflow="fold")
    for benchmark in benchmarks:
        table.add_column(escape(benchmark or "mean"), justify="right", overflow="fold")
    for origin in ("run", "paper"):
        for model in dict.fromkeys(row.model for row in rows if row.origin == origin):
            name = escape(model) if origin == "run" else f"[dim]the paper's: {escape(model)}[/dim]"
            table.add_row(name, *(_cell(cells.get((origin, model, benchmark))) for benchmark in benchmarks))
    return table


def _cell(row: Score | None) -> str:
    if row is None:
        return "–"
    lines = [_percent(row.accuracy)]
    if row.accuracy_low is not None and row.accuracy_high is not None:
        lines = [f"[bold]{lines[0]}[/bold]", f"{_percent(row.accuracy_low)}–{_percent(row.accuracy_high)}"]
    if row.share_cut_off is not None and row.share_no_answer is not None and row.share_unanswered is not None:
        lines.append(f"cut off {_percent(row.share_cut_off)}")
        lines.append(f"no answer {_percent(row.share_no_answer + row.share_unanswered)}")
        lines.append(f"of {row.num_questions:,}")
    return "\n".join(lines)


def _differences(rows: Sequence[Score]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("after training, against before", overflow="fold")
    table.add_column("benchmark", overflow="fold")
    for name in ("points", "95 % interval", "gained, lost", "p"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    several = sum(row.p_value is not None for row in rows) > 1
    for row in rows:
        settings = f"\nother settings: {row.settings}" if row.settings else ""
        table.add_row(
            escape(f"{row.model}, {row.before}{settings}"),
            escape(row.benchmark or "mean"),
            _signed(row.difference or 0.0),
            _interval(row),
            f"{row.num_gained or 0:g}, {row.num_lost or 0:g} of {row.num_paired or 0:,}",
            _p(row.p_value) + (f"\nHolm {_p(row.p_value_holm)}" if several and row.p_value is not None else ""),
            row.verdict,
        )
    return table


def _interval(row: Score) -> str:
    ends = {"": (row.difference_low, row.difference_high), "by draws ": (row.draws_low, row.draws_high)}
    lines = [
        f"{name}{_signed(low)} to {_signed(high)}"
        for name, (low, high) in ends.items()
        if low is not None and high is not None
    ]
    return "\n".join(lines) or "nothing changed"


def _percent(share: float) -> str:
    return f"{share * 100:.1f}"


def _signed(share: float) -> str:
    return f"{share * 100:+.1f}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
