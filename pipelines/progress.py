"""What a person sees while a pipeline runs: a line a finished step, and below it what the running step is at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from components.shared.manifests import Manifest, read_manifest_or_none

# As the workspace says it of parts written, and the trainers of steps taken.
_PROGRESS = re.compile(r"(\d+ of \d+ rows|step \d+ of \d+)[,:] ([^,]+), (\d+) s left")


class ConsoleObserver:
    """Prints to a console; on one that is no terminal (a CI log) only the finished steps."""

    def __init__(self, console: Console, num_steps: int) -> None:
        self._console = console
        self._num_steps = num_steps
        self._finished = 0
        self.last_folder = ""  # of the step that finished last
        self._heading = ""
        self._reused = False
        self._status = Status("", console=console)

    def __enter__(self) -> ConsoleObserver:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def step_started(self, step: str, options: Mapping[str, Any]) -> None:
        """Show the step's name below the finished ones."""
        shards, shard = int(options.get("num_shards", 1)), int(options.get("shard", 0))
        self._heading = step if shards == 1 else f"{step}, shard {shard} of {shards}"
        self._reused = False
        self._status.update(escape(self._heading))

    def step_said(self, line: str) -> None:
        """Show how far the step is, where the line says so."""
        self._reused = self._reused or ": reused " in line
        if match := _PROGRESS.search(line):
            done, figure, seconds_left = match.groups()
            self._status.update(escape(f"{self._heading}: {done}, {figure}, {_duration(float(seconds_left))} left"))

    def step_died(self, exit_code: int, attempt: int, attempts: int) -> None:
        """Print that the running step starts again, for good: who reads a log later wants to know."""
        line = f"{self._heading} ended with exit code {exit_code} and continues: attempt {attempt + 1} of {attempts}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

    def stopping(self, step_was_told: bool) -> None:
        """Print at once that the run stops, for good."""
        told = f"step {self._heading} is told; " if step_was_told else ""
        self._console.print(
            f"stopping: {told}once more ends all at once", markup=False, highlight=False, soft_wrap=True
        )

    def ends_at_once(self) -> None:
        """Give the terminal its cursor back."""
        self._console.show_cursor()

    def step_finished(self, step: str, folder: str, seconds: float) -> None:
        """Print the step's line for good."""
        self._finished += 1
        self.last_folder = folder
        manifest = read_manifest_or_none(folder)
        what = "other shards are still to come" if manifest is None else _ledger(manifest)
        took = "reused" if self._reused else _duration(seconds)
        number = f"{self._finished:>{len(str(self._num_steps))}}/{self._num_steps}"
        line = f"{number}  {self._heading:<28} {took:>8}  {what}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _ledger(manifest: Manifest) -> str:
    if manifest.kind == "model" and not manifest.rows_in:
        return "model"
    counts = f"{manifest.rows_in} in, {manifest.rows_out} out"
    if manifest.rejected:
        counts += ", rejected: " + ", ".join(f"{reason} {count}" for reason, count in manifest.rejected.items())
    return f"model; {counts}" if manifest.kind == "model" else counts


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
