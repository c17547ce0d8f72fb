"""A plan as a table, stage by stage, with where each figure comes from; and in short, as run and submit print it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from string import ascii_lowercase

from rich.console import Console

from components.shared.speaking import duration
from pipelines.compiled_checks import is_pinned
from pipelines.planning.budgets import budget_sentence, in_hours
from pipelines.planning.figures import Figure, Total
from pipelines.planning.planned_hardware import PlannedPods
from pipelines.planning.run_plans import PlannedWork, RunPlan
from pipelines.reporting import print_aligned, readable_size, visible
from pipelines.resources import QUEUE

Form = Callable[[float], str]

UNKNOWN = "unknown"
REMEDY = "until a first run or --pilot"
MAX_ITEM = 32  # characters of what a step is for
HEAD = ("", "step", "of", "state", "rows in", "rows out", "tokens", "GPU-hours", "storage", "time", "from")


def print_plan(console: Console, plan: RunPlan) -> None:
    """Print the whole plan."""
    _say(console, title_of(plan))
    if plan.is_done:
        return
    console.print()
    sources = _Sources()
    rows = [_cells(work, sources) for work in plan.steps]
    print_aligned(console, [HEAD, *rows, _sums(plan)])
    console.print()
    _say(console, "why")
    print_aligned(console, [(f"{work.number:3}", work.step, work.why) for work in plan.steps if work.why])
    console.print()
    _say(console, "from")
    print_aligned(console, [(f"  {letter}", source) for source, letter in sources.letters.items()] or [("", "nothing")])
    console.print()
    for line in summary_lines(plan):
        _say(console, line)


def short_lines(plan: RunPlan) -> Iterator[str]:
    """Yield the plan as the first lines of a run: what is new, and what is left of it takes."""
    counts = ", ".join(f"{number} {state}" for state, number in plan.counts.items())
    if plan.is_done:
        yield f"plan: {counts}; nothing to do"
        return
    totals = plan.totals
    told = {
        "tokens": _in_short(_tokens(plan), _whole),
        "GPU-hours": _in_short(totals.gpu_hours, in_hours),
        **({"money": _in_short(totals.money, _dollars)} if totals.money and totals.gpu_hours.value else {}),
        "storage": _in_short(totals.num_bytes, readable_size),
        "time": _in_short(totals.seconds, duration),
    }
    yield f"plan: {counts}; {', '.join(f'{name} {figure}' for name, figure in told.items())}"
    if plan.budget:
        yield f"budget: {budget_sentence(plan.budget)}"
    if any(UNKNOWN in figure for figure in told.values()):
        yield f"unknown {REMEDY}; `scalequest plan` says of which steps, and where the figures come from"


def title_of(plan: RunPlan) -> str:
    """Return what is planned, and how much of it is done, in a line."""
    counts = ", ".join(f"{number} {state}" for state, number in plan.counts.items())
    where = f"profile {plan.profile}" if plan.profile else "this machine"
    told = f"{plan.preset}: {plan.pipeline}, {len(plan.steps)} steps, workspace {plan.workspace}, {where}"
    if plan.is_done:
        return f"{told}: nothing to do, all folders are finished; the last is {plan.steps[-1].folder}"
    return f"{told}: {counts}"


def summary_lines(plan: RunPlan) -> Iterator[str]:
    """Yield what is left of the run takes: tokens, GPU-hours, money, storage, time, pods."""
    totals = plan.totals
    yield f"tokens     read: {_sum(totals.tokens_read, _whole)}"
    yield f"           written: {_sum(totals.tokens_written, _whole)}"
    yield f"GPU-hours  {_sum(totals.gpu_hours, in_hours)}"
    yield f"money      {_money(plan)}"
    if plan.budget:
        yield f"budget     {budget_sentence(plan.budget)}"
    yield f"storage    {_sum(totals.num_bytes, readable_size)}"
    yield f"time       {_sum(totals.seconds, duration)}; starts, loads of models and queues come on top"
    for pods in plan.pods:
        yield f"pods       {pods_sentence(pods)}"
    if plan.images:
        yield f"queue      {plan.queue or f'none in the profile; submit takes {QUEUE} for GPUs, unless --no-queue'}"
        yield from (f"image      {name}: {_pinned(image)}" for name, image in plan.images.items())


def pods_sentence(pods: PlannedPods) -> str:
    """Return what pods of a size ask for, and how many nodes take them."""
    asks = pods.asks
    each = f"{asks.gpus} GPU, {asks.cpu} CPU, {asks.memory}, {asks.ephemeral_storage} of disk"
    node = "node" if pods.machine == "any" else pods.machine
    told = f"{pods.size}: up to {pods.pods} of {each} each"
    if not pods.on_a_node:
        return f"{told}; none fits a {node}"
    return f"{told}; one {node} takes {pods.on_a_node}, so {pods.nodes} node{'s' * (pods.nodes != 1)} for all at once"


def _pinned(image: str) -> str:
    return image if is_pinned(image) else f"{image}, by its tag, which submit takes with --allow-tags only"


class _Sources:
    """Letters for sources, in the order in which they are first named."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}

    def of(self, figures: Sequence[Figure | None]) -> str:
        """Return the letters of what some figures come from."""
        names = [source for figure in figures if figure for source in figure.sources]
        for source in dict.fromkeys(names):
            self.letters.setdefault(source, _letter(len(self.letters)))
        return " ".join(self.letters[source] for source in dict.fromkeys(names))


def _letter(number: int) -> str:
    tens, ones = divmod(number, len(ascii_lowercase))
    return (ascii_lowercase[tens - 1] if tens else "") + ascii_lowercase[ones]


def _cells(work: PlannedWork, sources: _Sources) -> tuple[str, ...]:
    rows_out = "model" if work.is_model else _figure(work.rows.rows_out, _whole)
    item = work.item if len(work.item) <= MAX_ITEM else f"…{work.item[1 - MAX_ITEM :]}"
    known = (f"{work.number:3}", work.step, item, work.state)
    rows_in = "" if work.step == "import_model" else _figure(work.rows.rows_in, _whole)
    if work.state == "reused":
        return (*known, rows_in, rows_out, "", "", "", "", "")
    costs = work.costs
    tokens = _both(costs.tokens_read, costs.tokens_written)
    figures = (costs.gpu_hours, costs.num_bytes, costs.seconds)
    told = [_figure(figure, form) for figure, form in zip(figures, (in_hours, readable_size, duration), strict=True)]
    return (*known, rows_in, rows_out, tokens, *told, sources.of([work.rows.rows_in, work.rows.rows_out, *figures]))


def _both(read: Figure | None, written: Figure | None) -> str:
    if read is None or written is None:
        return UNKNOWN
    both = Figure(value=read.value + written.value, at_most=read.at_most or written.at_most)
    return _figure(both, _whole)


def _sums(plan: RunPlan) -> tuple[str, ...]:
    totals = plan.totals
    each = (
        (_tokens(plan), _whole),
        (totals.gpu_hours, in_hours),
        (totals.num_bytes, readable_size),
        (totals.seconds, duration),
    )
    told = [_in_short(total, form) for total, form in each]
    return ("", "all", "", "", "", "", *told, "")


def _tokens(plan: RunPlan) -> Total:
    read, written = plan.totals.tokens_read, plan.totals.tokens_written
    unknown = tuple(dict.fromkeys([*read.unknown, *written.unknown]))
    return Total(value=read.value + written.value, unknown=unknown, at_most=read.at_most or written.at_most)


def _in_short(total: Total, form: Form) -> str:
    if not total.value and not total.is_known:
        return UNKNOWN
    sign = "≤ " if total.at_most else ""
    return f"{sign}{form(total.value)}{'' if total.is_known else f' + {UNKNOWN}'}"


def _sum(total: Total, form: Form) -> str:
    """Return a sum, and which steps it lacks."""
    known = f"{'at most ' if total.at_most else ''}{form(total.value)}"
    if total.is_known:
        return known
    lacking = f"{UNKNOWN} {REMEDY} for {', '.join(total.unknown)}"
    return f"{known}; {lacking}" if total.value else lacking


def _money(plan: RunPlan) -> str:
    totals, price = plan.totals, plan.price_per_gpu_hour
    if totals.gpu_hours.is_known and not totals.gpu_hours.value:
        return "$0.00 for GPUs: none is used"
    if price is None or totals.money is None:
        return "unknown: the profile has no price_per_gpu_hour; give --price-per-gpu-hour"
    at = f"at ${price.value:,.2f} an hour for a GPU ({', '.join(price.sources)})"
    return f"{_sum(totals.money, _dollars)}; {at}"


def _figure(figure: Figure | None, form: Form) -> str:
    if figure is None:
        return UNKNOWN
    return f"{'≤ ' if figure.at_most else ''}{form(figure.value)}"


def _whole(number: float) -> str:
    return f"{number:,.0f}"


def _dollars(number: float) -> str:
    return f"${number:,.2f}"


def _say(console: Console, line: str) -> None:
    console.print(visible(line), markup=False, highlight=False, soft_wrap=True)
