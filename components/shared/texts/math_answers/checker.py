"""Answers compared by value: most by their text, the others by sympy, in processes that can be killed."""

from __future__ import annotations

import multiprocessing
import queue
import signal
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from components.shared.texts.math_answers.comparison import compare
from components.shared.texts.math_answers.normal import normalize_answer
from components.shared.texts.math_answers.verdicts import Verdict

START_TIMEOUT_SECONDS = 120.0  # importing sympy from a cold disk
MAX_TRIES = 2  # of a comparison whose process dies: another process may have used up the memory


class AnswerChecker:
    """Compares answers by value, in processes that are killed and replaced when a comparison hangs.

    A context manager. The processes start with the first comparison that needs one: equal text and plain numbers do
    not. ``failures`` counts the comparisons that had no result and count as not equal: "timeout" (of the processor's
    time, not the clock's: verdicts are the same on a busy machine) or "crash".
    """

    def __init__(self, *, num_workers: int = 2, cpu_seconds: float = 5.0) -> None:
        self.failures: Counter[str] = Counter()
        self._cpu_seconds = cpu_seconds
        self._started: set[_Worker] = set()
        self._unwanted = False
        self._free: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(num_workers):
            self._free.put(None)  # a worker that has not been started yet
        self._threads = ThreadPoolExecutor(num_workers)  # each waits for one worker

    def __enter__(self) -> AnswerChecker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:  # the answers are not wanted any more, and the next one may take its whole time
            self._unwanted = True
            self._threads.shutdown(wait=False, cancel_futures=True)
            for worker in tuple(self._started):
                worker.end()
            return  # a process that is just being started is not waited for: it ends with this one
        self._threads.shutdown()
        for worker in tuple(self._started):
            worker.kill()

    def are_equal(self, gold: str, answer: str) -> bool:
        """Tell whether two answers have the same value, in either order; no answer ("") equals nothing."""
        return bool(self._compare(gold, answer))

    def equal(self, pairs: Iterable[tuple[str, str]]) -> Iterator[bool]:
        """Compare pairs of (known answer, answer), several at once; yield the verdicts in the order of the pairs."""
        return map(bool, self.results(pairs))

    def results(self, pairs: Iterable[tuple[str, str]]) -> Iterator[bool | None]:
        """Do the same; yield None for a comparison that had no result."""
        return self._threads.map(lambda pair: self._compare(*pair), pairs)

    def group_by_value(self, answers: Sequence[str]) -> list[int]:
        """Return a group number for each answer, from 0 in order of appearance; equal answers share it.

        Equality with units left out is not transitive (12 cm, 12, 12 m): an answer joins the first group of which it
        equals every member. So that groups do not depend on the order of the answers, they join in an order of their
        own: the most frequent answer comes first.
        """
        normal = [normalize_answer(answer) for answer in answers]
        counts = Counter(filter(None, normal))
        groups: list[list[str]] = []
        for answer in sorted(counts, key=lambda text: (-counts[text], len(text), text)):
            equal = self.equal((group[0], answer) for group in groups)
            near = [group for group, same in zip(groups, equal, strict=True) if same]
            group = next((each for each in near if all(self.equal((member, answer) for member in each[1:]))), None)
            if group is None:
                groups.append([answer])
            else:
                group.append(answer)
        first_of = {member: group[0] for group in groups for member in group}
        # A missing answer equals nothing, not even another missing one.
        keys = [first_of.get(answer) or index for index, answer in enumerate(normal)]
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        return [numbers[key] for key in keys]

    def _compare(self, gold: str, answer: str) -> bool | None:
        gold, answer = normalize_answer(gold), normalize_answer(answer)
        found = compare(gold, answer, _unknown)
        return self._ask(gold, answer) if found is Verdict.UNKNOWN else found is Verdict.EQUAL

    def _ask(self, gold: str, answer: str) -> bool | None:
        worker = self._free.get()
        try:
            for _ in range(MAX_TRIES):
                worker = worker or self._start()
                try:
                    return worker.are_equal(gold, answer, self._cpu_seconds)
                except (EOFError, ConnectionError):
                    self._started.discard(worker)
                    worker.kill()
                    took_too_long, worker = worker.took_too_long, None
                    if took_too_long or self._unwanted:
                        self.failures["timeout"] += 1
                        return None
            self.failures["crash"] += 1
            return None
        finally:
            self._free.put(worker)

    def _start(self) -> _Worker:
        try:
            worker = _Worker()
        except RuntimeError:
            if self._unwanted:
                raise
            worker = _Worker()
        self._started.add(worker)
        return worker


class _Worker:
    """One process that compares, and the pipe to it."""

    def __init__(self) -> None:
        # The server imports sympy once; a worker that replaces a killed one is forked from it in milliseconds.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["components.shared.texts.math_answers._worker"])
        self._connection, other_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(other_end,), daemon=True)
        self._process.start()
        other_end.close()
        try:
            self._wait_for_start()
        except (TimeoutError, EOFError, ConnectionError) as error:
            self.kill()
            raise RuntimeError("the process that compares answers did not start; see its error above") from error

    def are_equal(self, gold: str, answer: str, cpu_seconds: float) -> bool:
        """Return the process's verdict; EOFError or OSError if it died, also because it took too long."""
        self._connection.send((gold, answer, cpu_seconds))
        return bool(self._connection.recv())

    @property
    def took_too_long(self) -> bool:
        """Whether the kernel ended the process because it took too long."""
        return self._process.exitcode == -signal.SIGPROF

    def end(self) -> None:
        """End the process, whatever it is doing; a caller that waits for it gets an error."""
        self._process.kill()

    def kill(self) -> None:
        """End the process and close the pipe to it."""
        self.end()
        self._process.join()
        self._connection.close()

    def _wait_for_start(self) -> Any:
        if not self._connection.poll(START_TIMEOUT_SECONDS):
            raise TimeoutError
        return self._connection.recv()


def _serve(connection: Connection) -> None:
    from components.shared.texts.math_answers._worker import serve

    serve(connection)


def _unknown(_: str, __: str) -> Verdict:
    return Verdict.UNKNOWN
