"""The table of compare_solvers in a terminal: models by benchmarks, then what a training changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from components.shared.records import Score
from pipelines.reporting import as_data, visible

NAME_WIDTH, CELL_WIDTH = 26, 9  # characters of a model's name, and of an interval
LENIENT = "right, box or not"
CONTAMINATED = ("without_dirty", "dirty", "not_testable")
WARNING = (
    "The paper's figures (ScaleQuest, Table 1) are another program's, with other prompts and another comparison of "
    "answers: never subtract them from ours."
)


def print_scores(console: Console, rows: Sequence[Score]) -> None:
    """Print the scores beside the paper's, then the differences; groups of questions stand on the page."""
    whole = [row for row in rows if not row.group_by]
    for benchmarks in _that_fit(list(dict.fromkeys(row.benchmark for row in whole)), console.width - NAME_WIDTH):
        console.print(_scores([row for row in whole if row.benchmark in benchmarks], benchmarks))
    if any(map(_lenient, whole)):
        console.print(f'"{LENIENT}": if a response without a box counted by what it says last.', highlight=False)
    if any(row.origin == "paper" for row in whole):
        console.print(WARNING, highlight=False)
    pairs: dict[tuple[str, str, str], list[Score]] = {}
    for row in whole:
        if row.difference is not None:
            pairs.setdefault((row.model, row.before, row.settings), []).append(row)
    corrected = sum(row.p_value is not None for row in whole) > 1
    for (model, before, settings), differences in pairs.items():
        title = f"{model}, against {before}" + (f" (other settings: {settings})" if settings else "")
        console.print(f"\n[bold]{as_data(title)}[/bold]", highlight=False)
        console.print(_differences(differences, corrected))
    if any(row.draws_low is not None for row in whole):
        console.print("In brackets: the interval over 10,000 draws of questions.", highlight=False)
    if contaminated := [row for row in rows if row.group_by in CONTAMINATED]:
        console.print()
        console.print(_contaminated(contaminated))


def _contaminated(rows: Sequence[Score]) -> Table:
    """Return what stands in the training rows, by rule; where it is anything, the scores without it and on it alone."""
    found = {(row.benchmark, row.group, row.group_by, row.model): row for row in rows}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("in the training rows, by rule", overflow="fold")
    for name in ("dirty", "not testable", "without dirty", "dirty alone"):
        table.add_column(name, justify="right", no_wrap=True)
    for benchmark, rule in dict.fromkeys(key[:2] for key in found):
        by_kind = {
            kind: {key[3]: row for key, row in found.items() if key[:3] == (benchmark, rule, kind)}
            for kind in CONTAMINATED
        }
        sizes = {kind: max((row.num_questions for row in by_kind[kind].values()), default=0) for kind in CONTAMINATED}
        table.add_row(as_data(f"{benchmark}, {rule}"), f"{sizes['dirty']:,}", f"{sizes['not_testable']:,}")
        for model in by_kind["dirty"]:
            both = (by_kind[kind].get(model) for kind in ("without_dirty", "dirty"))
            cells = (f"{_percent(row.accuracy)} ({_interval_of_share(row)})" if row else "–" for row in both)
            table.add_row(f"  {as_data(model)}", "", "", *cells)
    return table


def _that_fit(benchmarks: Sequence[str], width: int) -> Iterator[Sequence[str]]:
    """Cut the benchmarks into as many tables as it takes to have none of them wider than the terminal."""
    begun, used = 0, 0
    for place, name in enumerate(benchmarks):
        used += max(len(visible(name)), CELL_WIDTH) + 2
        if used > width and place > begun:
            yield benchmarks[begun:place]
            begun, used = place, max(len(visible(name)), CELL_WIDTH) + 2
    yield benchmarks[begun:]


def _scores(rows: Sequence[Score], benchmarks: Sequence[str]) -> Table:
    """Return the models by benchmarks: per cent right, the interval, what was cut off or has no answer."""
    cells = {(row.origin, row.model, row.benchmark): row for row in rows}
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("% right", overflow="fold", min_width=NAME_WIDTH)
    for benchmark in benchmarks:
        table.add_column(as_data(benchmark or "mean"), justify="right", overflow="fold")
    for model in _models(rows, "run"):
        found = [cells.get(("run", model, benchmark)) for benchmark in benchmarks]
        table.add_row(as_data(model), *(f"[bold]{_percent(row.accuracy)}[/bold]" if row else "–" for row in found))
        for name, text_of in _DETAILS.items():
            texts = [text_of(row) if row else "" for row in found]
            if any(texts):
                table.add_row(f"  {name}", *texts, style="dim")
    for number, model in enumerate(_models(rows, "paper")):
        if not number:
            table.add_row("[bold]the paper's figures[/bold]")
        found = [cells.get(("paper", model, benchmark)) for benchmark in benchmarks]
        table.add_row(as_data(model), *(_percent(row.accuracy) if row else "–" for row in found))
    return table


def _models(rows: Sequence[Score], origin: str) -> list[str]:
    return list(dict.fromkeys(row.model for row in rows if row.origin == origin))


def _differences(rows: Sequence[Score], corrected: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("benchmark", overflow="fold")
    for name in ("n", "points", "95 %", "gained", "lost", "p (Holm)" if corrected else "p"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")
    for row in rows:
        table.add_row(
            as_data(row.benchmark or "mean"),
            f"{row.num_paired or 0:,}",
            _signed(row.difference or 0.0),
            _interval(row),
            f"{row.num_gained or 0:g}",
            f"{row.num_lost or 0:g}",
            _p(row.p_value_holm),
            as_data(row.verdict),
        )
    return table


def _interval(row: Score) -> str:
    if row.difference_low is None or row.difference_high is None:
        return "–"
    lines = [f"{_signed(row.difference_low)} to {_signed(row.difference_high)}"]
    if row.draws_low is not None and row.draws_high is not None:
        lines.append(f"({_signed(row.draws_low)} to {_signed(row.draws_high)})")
    return "\n".join(lines)


def _interval_of_share(row: Score) -> str:
    if row.accuracy_low is None or row.accuracy_high is None:
        return ""
    return f"{_percent(row.accuracy_low)}–{_percent(row.accuracy_high)}"


def _lenient(row: Score) -> str:
    return "" if row.accuracy_lenient == row.accuracy else _percent(row.accuracy_lenient)


_DETAILS: Mapping[str, Callable[[Score], str]] = {
    "95 % interval": _interval_of_share,
    "cut off": lambda row: _percent(row.share_cut_off),
    "no answer": lambda row: _percent(row.share_no_answer),
    "filtered or failed": lambda row: _percent(row.share_unanswered),
    "not compared": lambda row: _percent(row.share_not_compared or None),
    LENIENT: _lenient,
    "pass@k": lambda row: _percent(row.pass_at_k),
    "majority of k": lambda row: _percent(row.majority),
    "questions": lambda row: f"{row.num_questions:,}",
}


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share * 100:.1f}"


def _signed(share: float) -> str:
    return f"{share * 100:+.1f}"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
