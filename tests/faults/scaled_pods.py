"""The pods of an Indexed Job whose number changes, as processes of this machine, by the rules of its controller.

An index whose pod dies gets another one, an index whose pod ended well does not; fewer pods than before means SIGTERM
for those of the highest indexes, and more means new ones.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NoReturn

from components.shared.command.step_command import run_step
from components.shared.errors import ExitCode
from tests.components.shared import slow_filter

POLL_SECONDS = 0.005
SECONDS = 240.0  # that a condition may take

# Started by fork from a server that has loaded the step: eight pods in a second.
processes = get_context("forkserver")
processes.set_forkserver_preload(["tests.faults.scaled_pods"])


@dataclass
class ScaledPods:
    """Runs the filter of ``slow_filter`` with these options, in as many pods as were asked for last."""

    options: Sequence[str]
    log: Path
    number: int = 0
    ends: Counter[int] = field(default_factory=Counter)  # exit codes of the pods that ended; -9 where one was killed
    most_at_once: int = 0
    _pods: dict[int, BaseProcess] = field(default_factory=dict)  # by index
    _leaving: list[BaseProcess] = field(default_factory=list)  # of indexes that are not wanted any more
    _succeeded: set[int] = field(default_factory=set)

    def scale(self, number: int) -> None:
        """Want another number of pods."""
        self.number = number
        for index in [index for index in self._pods if index >= number]:
            self._pods[index].terminate()
            self._leaving.append(self._pods.pop(index))
        self._tend()

    def kill(self, index: int) -> None:
        """Let a pod die without a word; return once it is dead, so that no pod is killed twice."""
        self._tend()
        self._pods[index].kill()
        self._pods[index].join()

    def evict(self, index: int) -> None:
        """Take a pod's node away: it hears SIGTERM, and another one comes in its place."""
        self._pods[index].terminate()

    def until(self, condition: Callable[[], bool]) -> None:
        """Replace pods that die until something is so; fails if the work ends before."""
        deadline = time.monotonic() + SECONDS
        while not condition():
            assert time.monotonic() < deadline, self.log.read_text()
            assert not self._tend(), "all was done before"
            time.sleep(POLL_SECONDS)

    def finish(self) -> None:
        """Replace pods that die until every index has succeeded."""
        deadline = time.monotonic() + SECONDS
        while not self._tend() or self._leaving:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(POLL_SECONDS)

    def end(self) -> None:
        """Leave no process behind."""
        for process in (*self._pods.values(), *self._leaving):
            process.kill()
            process.join()

    def _tend(self) -> bool:
        """Do what the Job's controller does at a change; return whether the Job is complete."""
        for index, process in list(self._pods.items()):
            if not process.is_alive():
                del self._pods[index]
                if self._ended(process) == ExitCode.DONE:
                    self._succeeded.add(index)
        for process in [process for process in self._leaving if not process.is_alive()]:
            self._leaving.remove(process)
            self._ended(process)
        for index in set(range(self.number)) - self._succeeded - self._pods.keys():
            self._pods[index] = processes.Process(target=_pod, args=(self.options, dict(os.environ), self.log))
            self._pods[index].start()
        self.most_at_once = max(self.most_at_once, len(self._pods))
        return not self._pods

    def _ended(self, process: BaseProcess) -> int:
        process.join()
        code = process.exitcode
        assert code is not None
        self.ends[code] += 1
        return code


def _pod(options: Sequence[str], environment: Mapping[str, str], log: Path) -> NoReturn:
    os.environ.update(environment)  # the server was started before the test chose its store
    with log.open("a", encoding="utf-8") as file:
        sys.stderr = sys.stdout = file
        run_step(slow_filter.SlowFilterConfig, slow_filter.run, options)
