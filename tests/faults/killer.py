"""Kills processes of a run at random moments, drawn from a seed, and starts the run again whenever it ended early."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

POLL_SECONDS = 0.02
# Four deaths may all have been at one row, which is rejected then: two over its part, and two of the row tried alone.
MAX_KILLS_OF_ONE_WORK = 3
UNKNOWN_STEP_SECONDS = 2.0
WHOLE_RUN_SHARE, RUNNER_SHARE = 0.06, 0.04  # of all kills; the others hit a process of a step
MAX_RUNS = 40


@dataclass
class Killer:
    """Decides by its seed which of the steps' processes die, and when; ``kills`` counts them by victim and by step.

    ``chance`` is that of a step's process, once started, to be marked for death. It goes on, over several runs if need
    be, until ``min_kills`` have been made, and ends at ``max_kills``.
    """

    seed: int
    min_kills: int
    max_kills: int
    chance: float
    seconds_of_steps: Mapping[str, float]
    kills: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._killed_at: Counter[str] = Counter()

    def run_to_the_end(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> int:
        """Start a command, kill what it starts, start it again until it ends well; return how many kills that were.

        Orphans are waited for.
        """
        sessions = []
        for _ in range(MAX_RUNS):
            before = self.kills.total()
            with log.open("ab") as file:
                run = subprocess.Popen(
                    command, env=dict(environment), cwd=log.parent, stdout=file, stderr=file, start_new_session=True
                )
            sessions.append(run.pid)
            try:
                self._follow(run)
            except BaseException:
                _kill_session(run.pid)  # the test was interrupted
                raise
            if run.returncode == 0 and self.kills.total() >= self.min_kills:
                break
            assert run.returncode == 0 or self.kills.total() > before, log.read_text()
            assert run.returncode in (0, -signal.SIGKILL), log.read_text()
        assert run.returncode == 0, f"{MAX_RUNS} runs were not enough"
        while any(next(_processes_of(session), 0) for session in sessions):
            time.sleep(POLL_SECONDS)
        return self.kills.total()

    def _follow(self, run: subprocess.Popen[bytes]) -> None:
        seen: set[int] = set()
        due: dict[int, tuple[float, str]] = {}  # moment and step, by the process that is to die
        while run.poll() is None:
            for process, step in _steps_of(run.pid):
                if process not in seen:
                    seen.add(process)
                    self._mark(process, step, due)
            for process, (moment, step) in list(due.items()):
                if time.monotonic() >= moment:
                    del due[process]
                    self._kill(run, process, step)
            time.sleep(POLL_SECONDS)

    def _mark(self, process: int, step: str, due: dict[int, tuple[float, str]]) -> None:
        if self._random.random() < self.chance and self._killed_at[_work_of(process)] < MAX_KILLS_OF_ONE_WORK:
            seconds = self.seconds_of_steps.get(step, UNKNOWN_STEP_SECONDS)
            # Late moments are likelier: early on a step does no more than load its libraries.
            due[process] = time.monotonic() + self._random.triangular(0, 1.2 * seconds, seconds), step

    def _kill(self, run: subprocess.Popen[bytes], process: int, step: str) -> None:
        family = _family_of(process, run.pid)
        if self.kills.total() == self.max_kills or not family:
            return  # it was quicker than expected
        self._killed_at[_work_of(process)] += 1
        draw = self._random.random()
        victim = self._random.choice(family)
        with contextlib.suppress(ProcessLookupError):
            if draw < WHOLE_RUN_SHARE:
                _kill_session(run.pid)
                self.kills["the whole run", step] += 1
            elif draw < WHOLE_RUN_SHARE + RUNNER_SHARE:
                os.kill(run.pid, signal.SIGKILL)
                self.kills["the runner, not its step", step] += 1
            else:
                os.kill(victim, signal.SIGKILL)
                self.kills["a step" if victim == process else "a step's child", step] += 1


def _kill_session(session: int) -> None:
    """Kill a run with its steps, each of which has a group of its own."""
    for process in _processes_of(session):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _steps_of(session: int) -> Iterator[tuple[int, str]]:
    """Yield the steps' own processes of a run."""
    for process in _processes_of(session):
        words = _read(process, "cmdline").split("\0")
        if "-m" in words and words[words.index("-m") + 1].startswith("components."):
            yield process, words[words.index("-m") + 1].removeprefix("components.")


def _work_of(process: int) -> str:
    """Return a step and its options, but not where it is to report its outputs: the same for the same work.

    A process that shares a step with others works for the one that started it.
    """
    if "components." in _read(parent := _parent_of(process), "cmdline"):
        return _work_of(parent)
    command, _, told = _read(process, "cmdline").rstrip("\0").partition("\0--executor-input\0")
    # kfp writes them in another order each time
    return f"{command} {json.dumps(json.loads(told)['inputs'], sort_keys=True)}" if told else command


def _family_of(process: int, session: int) -> list[int]:
    """Return a process and all that descend from it; [] where it has ended."""
    parents = {other: _parent_of(other) for other in _processes_of(session)}
    family = [process] if process in parents else []
    for other in sorted(parents):  # a child's number is larger, unless the numbers began anew
        if parents[other] in family:
            family.append(other)
    return family


def _processes_of(session: int) -> Iterator[int]:
    """Yield the processes of a session: of a run, also those whose parents died."""
    for process in [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]:
        with contextlib.suppress(ProcessLookupError):
            if os.getsid(process) == session and not _is_zombie(process):
                yield process


def _is_zombie(process: int) -> bool:
    return _status(process)[:1] in ([], ["Z"])


def _parent_of(process: int) -> int:
    fields = _status(process)
    return int(fields[1]) if fields else 0


def _status(process: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on: state, parent, …; [] where there is no such process."""
    return _read(process, "stat").rpartition(") ")[2].split()


def _read(process: int, name: str) -> str:
    try:
        return Path("/proc", str(process), name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
