"""What a person sees while a pipeline runs: a line for each finished step, and what the running step is doing.

On a terminal this is a live progress bar; in a log (CI, nohup) at least one line per minute.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from components.shared.accelerators import num_accelerators
from components.shared.publishing.markdown import describe_counts
from components.shared.speaking import Heartbeat, duration, silence_seconds
from components.shared.workspace.costs import Account, costs_of
from components.shared.workspace.lineage import Stage
from components.shared.workspace.manifests import Manifest, read_manifest_or_none
from components.shared.workspace.reused_lines import reused_in
from pipelines.compiled_pipeline import PlannedStep
from pipelines.reporting import visible
from pipelines.time_left import TimeLeft

# A step logs what it is doing if it was silent, otherwise parts written and training steps done.
_SPEAKING = re.compile(r" components\.shared\.speaking: (.*)")
_PROGRESS = re.compile(r"step \d+ of \d+: .*|[\d,]+ of [\d,]+ rows.*")
_COUNTS = re.compile(r"([\d,]+) of ([\d,]+) rows|step (\d+) of (\d+)")
BAR_WIDTH = 30


class ConsoleObserver:
    """Prints to a console."""

    def __init__(
        self,
        console: Console,
        steps: Sequence[PlannedStep],
        workspace: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        verbose: bool = False,
        price_per_gpu_hour: float = 0.0,
    ) -> None:
        """``verbose``: also print what the steps log. ``price_per_gpu_hour``: in US dollars; 0: not known."""
        self._verbose = verbose
        self._console = console
        self._num_steps = len(steps)
        self._account = Account(price_per_gpu_hour=price_per_gpu_hour)
        self._costs = costs_of([], self._account)  # of the steps that this run has finished, not of reused ones
        self._time_left = TimeLeft(steps, workspace)
        self._clock = clock
        self._begun = self._step_begun = clock()
        self._finished = 0
        self.last_folder = ""  # of the step that finished last
        self._step = self._heading = self._source = self._at = ""
        self._share = 0.0  # of the running step's rows or training steps that is done
        self._reused = False
        self._spinner = Spinner("dots")
        self._heartbeat = Heartbeat(self._say, silence_seconds())
        self._shown: AbstractContextManager[Any] = self._heartbeat
        if console.is_terminal and not console.is_dumb_terminal:
            self._shown = Live(get_renderable=self._picture, console=console, refresh_per_second=4, transient=True)

    def __enter__(self) -> ConsoleObserver:
        self._shown.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._shown.__exit__(None, None, None)

    def step_started(self, step: str, options: Mapping[str, Any]) -> None:
        """Show the step's name below the finished ones."""
        self._step, self._step_begun, self._at, self._share = step, self._clock(), "", 0.0
        self._heading = step
        self._source = str(options.get("source", ""))  # of an import
        self._reused = False

    def step_said(self, line: str) -> None:
        """Show the step's progress if the line has it."""
        if self._verbose:
            self._print(f"{self._step}: {visible(line)}")
        self._reused = self._reused or bool(reused_in(line))
        if match := _SPEAKING.search(line) or _PROGRESS.search(line):
            self._at = match[match.lastindex or 0]
        if match and (counts := _COUNTS.search(self._at)):
            done, total = (int(number.replace(",", "")) for number in counts.groups() if number)
            self._share = done / total if total else 0.0

    def _doing(self) -> str:
        """Say what the running step is doing; for how long, if it has said nothing."""
        heading = self._heading if self._source in self._at else f"{self._heading} {self._source}"
        return f"{heading}: {self._at or f'for {duration(self._clock() - self._step_begun)}'}"

    def _left(self) -> str:
        seconds = self._time_left.seconds(self._step, self._clock() - self._step_begun, self._share)
        left = "" if seconds is None else f"about {duration(seconds)} left in all"
        hours = (seconds or 0.0) / 3600 * num_accelerators()
        more = f", about {hours:,.2f} GPU-hours more" if hours >= 0.005 else ""
        so_far = f"so far {self._costs.taken}" if self._costs.taken else ""
        return "; ".join(filter(None, [f"{left}{more}", so_far]))

    def _say(self) -> None:
        if self._heading:
            parts = f"step {self._finished + 1} of {self._num_steps}, {self._doing()}", self._left()
            self._print("; ".join(filter(None, parts)))

    def _picture(self) -> Group:
        doing = Table.grid(padding=(0, 1))
        doing.add_row(self._spinner, Text(self._doing() if self._heading else "starting", no_wrap=True))
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            ProgressBar(total=self._num_steps, completed=self._finished + self._share, width=BAR_WIDTH),
            f"{min(self._finished + 1, self._num_steps)}/{self._num_steps}",
            duration(self._clock() - self._begun),
            self._left(),
        )
        return Group(doing, bar)

    def _print(self, line: str) -> None:
        self._heartbeat.heard()
        self._console.print(Text(line), soft_wrap=True)  # as it is: "random:llama:" is no animal

    def step_died(self, exit_code: int, attempt: int, attempts: int) -> None:
        """Print that the running step is restarted; the line is kept, for readers of the log."""
        line = f"{self._heading} ended with exit code {exit_code} and continues: attempt {attempt + 1} of {attempts}"
        self._print(line)

    def stopping(self, step_was_told: bool) -> None:
        """Print immediately that the run stops; the line is kept."""
        told = f"step {self._heading} was told to stop; " if step_was_told and self._heading else ""
        self._print(f"stopping: {told}a second signal stops everything immediately")

    def ends_at_once(self) -> None:
        """Give the terminal its cursor back."""
        self._console.show_cursor()

    def step_finished(self, step: str, folder: str, seconds: float) -> None:
        """Print the step's final line."""
        self._finished += 1
        self.last_folder = folder
        manifest = read_manifest_or_none(folder)
        self._time_left.finished(step, seconds, manifest, reused=self._reused)
        if manifest is not None and not self._reused:
            self._costs = self._costs.plus(costs_of([Stage(folder=folder, manifest=manifest, reads=())], self._account))
        what = "other runs are still at work" if manifest is None else _ledger(manifest, self._source)
        took = "reused" if self._reused else _precisely(seconds)
        number = f"{self._finished:>{len(str(self._num_steps))}}/{self._num_steps}"
        self._print(f"{number}  {self._heading:<28} {took:>8}  {what}")
        self._heading = ""


def _ledger(manifest: Manifest, source: str) -> str:
    if manifest.kind == "model" and not manifest.rows_in:
        return f"model {source}".rstrip()
    counts = f"{manifest.rows_in} in, {manifest.rows_out} out"
    if manifest.rejected:
        counts += ", rejected: " + describe_counts(manifest.rejected)
    return f"model; {counts}" if manifest.kind == "model" else counts


def _precisely(seconds: float) -> str:
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
