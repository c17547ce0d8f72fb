"""What more pods gain: ``python -m benchmarks.bench_pods`` prints a Markdown table (a quarter of an hour).

``generate_responses`` asks the scripted engine, which takes a fixed time for each row, in one pod, in eight, and in
eight of which one is ten times slower. Pods are processes of this machine that take part after part by lease, as those
of a Job do. They are started by fork from a process that has loaded the step: what is measured is the sharing of the
work, not eight starts of Python. The workspace is in memory where the system has such a place: what a busy disk takes
to sync is no matter of the pods. The end is that of the folder: its manifest. Two cases are measured at once, since
the pods sleep nearly all of the time.

The best schedule keeps every pod at work to the end: rows over the sum of the pods' rates. With equal shards, each pod
has an eighth of the rows, and all wait for the slow one.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from benchmarks.bench_evaluate import SampleQuestionsConfig
from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run
from components.shared.config.engines import EngineConfig
from components.shared.engines import K, Request, Result, Sampling, scripted_engine
from components.shared.engines.scripted_engine import ScriptedEngine
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import MANIFEST, read_manifest
from components.shared.workspace.plans import Slice

ROW_SECONDS = 0.5
ROWS_PER_PART = 4
PODS = 8
SLOWNESS = 10.0
IN_MEMORY = "/dev/shm"  # noqa: S108 -- Linux' own
FEW_ROWS, MANY_ROWS = 1_600, 11_360  # one pod takes 800 s; eight with a slow one, at best, 800 s

processes = get_context("forkserver")
processes.set_forkserver_preload(["benchmarks.bench_pods"])


@dataclass(frozen=True)
class SlowEngine:
    """The scripted engine, which takes a time for each row."""

    engine: ScriptedEngine
    row_seconds: float
    arithmetic = ""

    def generate(self, requests: Iterable[Request[K]], sampling: Sampling) -> Iterator[Result[K]]:
        """Yield what the scripted engine does, each after its time."""
        for result in self.engine.generate(requests, sampling):
            time.sleep(self.row_seconds)
            yield result

    def close(self) -> None:
        """Do nothing: there is nothing to release."""


def main() -> None:
    """Measure and print the table."""
    lines = ["| pods | rows | time | best schedule | over it | times one pod's rate |", "|---|---|---|---|---|---|"]
    even = [ROW_SECONDS] * PODS
    cases = (
        ("1", FEW_ROWS, even[:1]),
        (f"{PODS}, one {SLOWNESS:.0f} times slower", MANY_ROWS, [ROW_SECONDS * SLOWNESS, *even[1:]]),
        (f"{PODS}", FEW_ROWS, even),
    )
    _warm_up()
    with ThreadPoolExecutor(2) as threads:  # the one of eight pods is short, and follows one that has ended
        times = threads.map(lambda case: measure(*case[1:]), cases)
    for (what, rows, seconds_of_pods), took in zip(cases, times, strict=True):
        best = rows / sum(1 / seconds for seconds in seconds_of_pods)
        lines.append(
            f"| {what} | {rows:,} | {took:.1f} s | {best:.1f} s | {took / best - 1:.1%} "
            f"| {rows * ROW_SECONDS / took:.2f} |"
        )
    shards = MANY_ROWS / PODS * ROW_SECONDS * SLOWNESS
    lines.append(f"| the same, equal shards (calculated) | {MANY_ROWS:,} | {shards:.1f} s | | | |")
    sys.stdout.write("\n".join(lines) + "\n")


def measure(num_rows: int, seconds_of_pods: Sequence[float]) -> float:
    """Return the seconds from the start of pods of these speeds to the finished folder."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY if Path(IN_MEMORY).is_dir() else None) as place:
        questions = _write_questions(place, num_rows)
        arguments = [(place, questions, seconds) for seconds in seconds_of_pods]
        pods = [processes.Process(target=_pod, args=each) for each in arguments]
        start = time.time()
        for pod in pods:
            pod.start()
        for pod in pods:
            pod.join()
        assert [pod.exitcode for pod in pods] == [0] * len(pods)
        (folder,) = Path(place, "generate_responses").iterdir()
        assert read_manifest(str(folder)).rows_in == num_rows
        return (folder / MANIFEST).stat().st_mtime - start


def _warm_up() -> None:
    """Let the server that pods are forked from load the step."""
    first = processes.Process(target=os.getpid)
    first.start()
    first.join()


def _pod(workspace: str, questions: str, row_seconds: float) -> None:
    def open_engine(_: EngineConfig, model: str) -> SlowEngine:
        return SlowEngine(ScriptedEngine(model), row_seconds)

    scripted_engine.open_engine = open_engine  # type: ignore[assignment]
    config = GenerateResponsesConfig(
        workspace=workspace,
        questions=questions,
        engine="scripted",
        model="scripted:solver",
        num_samples=1,
        rows_per_part=ROWS_PER_PART,
    )
    run(config, Workspace(workspace))


def _write_questions(place: str, num_rows: int) -> str:
    slices = [Slice(start=start, stop=min(start + 1024, num_rows)) for start in range(0, num_rows, 1024)]
    config = SampleQuestionsConfig(workspace=place, num_questions=num_rows)
    folder = Workspace(place).open(config).begin_rows(Question, slices)
    for part in folder.missing_parts():
        for index in range(len(part)):
            number = part.slice.start + index
            part.settle(index, kept=[Question(id=f"q{number}", question=f"What is {number} + 1?")])
    return folder.finish()


if __name__ == "__main__":
    main()
