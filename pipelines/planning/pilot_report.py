"""What a pilot prints in the end: the whole run as it is expected, each figure with its 90 % interval."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from components.shared.workspace.costs import dollars
from pipelines.planning.pilot_estimates import Estimate
from pipelines.planning.pilot_forecast import PilotForecast
from pipelines.reporting import print_aligned

GPU_HOURS = "GPU-hours"
FEW = 30  # rows: with fewer the spread of what they hold is not known
NOTES = (
    "The more questions, the more duplicates. How many more, a pilot tells only in part: where the run is many times",
    "the pilot, figures of what comes behind deduplicate have wide intervals.",
    "GPU-hours: at the pilot's speed, and more rows keep a GPU busier; without loading of models, and without solvers",
    "that learn from the dataset.",
)
TOO_FEW = "The pilot's dataset has fewer than 30 rows: its intervals are too narrow. Take more questions."


def print_forecast(console: Console, forecast: PilotForecast, goes_on: str) -> None:
    """Print it; ``goes_on``: the command that starts the whole run."""
    sample = forecast.sample
    title = f"pilot: {sample.num_pilot:,} of {sample.num_whole:,} questions; the whole run, with 90 % intervals:"
    console.print(title, markup=False, highlight=False, soft_wrap=True)
    console.print()
    heads = ("stage", "pilot in", "out", "kept", "whole run in")
    print_aligned(console, [heads, *_stages(forecast)])
    console.print()
    print_aligned(console, [*_figures(forecast), ("goes on with", goes_on)])
    console.print()
    is_small = forecast.stages[-1].rows_out < FEW
    console.print("\n".join([*NOTES, *([TOO_FEW] if is_small else [])]), markup=False, highlight=False, soft_wrap=True)


def _stages(forecast: PilotForecast) -> Iterator[tuple[str, ...]]:
    for each in forecast.stages:
        yield each.step, f"{each.rows_in:,}", f"{each.rows_out:,}", _percent(each.kept), _number(each.whole)


def _figures(forecast: PilotForecast) -> Iterator[tuple[str, str]]:
    yield "rows of the dataset", _number(forecast.rows)
    for name, cost in forecast.costs.items():
        if cost.high:
            yield name, _number(cost, 2 if name == GPU_HOURS else 0)
    price = forecast.price_per_gpu_hour
    money = forecast.costs[GPU_HOURS].times(price)
    if money.high:
        told = f"{dollars(money.value)} ({dollars(money.low)} to {dollars(money.high)})"
        yield "money", f"{told}, at {dollars(price)} for one GPU for one hour"
    for name, figure in forecast.quality.items():
        yield name, _percent(figure) if name == "duplicates" else _number(figure, 3)
    if forecast.once.sentence:
        yield "once, and done", f"trainings, fail rates: {forecast.once.sentence}"


def _number(figure: Estimate, digits: int = 0) -> str:
    return f"{figure.value:,.{digits}f} ({figure.low:,.{digits}f} to {figure.high:,.{digits}f})"


def _percent(figure: Estimate) -> str:
    return f"{figure.value:.1%} ({figure.low:.1%} to {figure.high:.1%})".replace("%", " %")
