r"""Final answers: found in the last ``\boxed{…}`` of a response, compared by value in a process that can be killed."""

from __future__ import annotations

import multiprocessing
import queue
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

# MATH writes \fbox in some solutions, and models that were trained on it do so too.
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is consumed with its backslash and does not count

_SPACING = re.compile(r"(?:\\[,;:! ]|\\left(?![a-z])|\\right(?![a-z])|~|\s)+")
_SPELLINGS = {"−": "-", "\\dfrac": "\\frac", "\\tfrac": "\\frac", "{,}": ",", "°": "^\\circ", "\\%": "%", "\\$": "$"}
_LEAD_IN = re.compile(r"^(?:####|(?:the )?(?:final )?answer(?: is\b|:))[\s:]*", re.IGNORECASE)
_TEXT = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\{([^{}]*)\}")
_POWER = re.compile(r"\*\*\s*(?:\(?(-?\d+)\)?)?")

_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?(?:[eE][-+]?\d{1,3})?")
_RATIO = re.compile(r"([-+]?)(?:\\frac\{(\d+)\}\{(\d+)\}|(\d+)/(\d+))")
_MAX_NUMBER_LENGTH = 100  # longer ones are left to the process; Python itself refuses above 4300 digits

TOLERANCE = Fraction(1, 10**6)  # Math-Verify rounds to 6 decimals where one side is a decimal: 1/3 is 0.333333
START_TIMEOUT_SECONDS = 120.0  # importing sympy from a cold disk
MAX_TRIES = 2  # of a comparison whose process dies: it may have been killed for what another one took of the memory


def extract_final_answer(text: str) -> str:
    r"""Return the content of the last ``\boxed{…}`` or ``\fbox{…}``, "" where there is none.

    A box that never closes (a reply that was cut off) or that is empty (the instruction repeated) is passed over.
    Of nested boxes the innermost counts.
    """
    for box in reversed(list(_BOX.finditer(text))):
        if answer := _until_closing_brace(text, box.end()).strip():
            return answer
    return ""


class AnswerChecker:
    """Compares answers by value, in processes that are killed and replaced when a comparison hangs.

    A context manager. The processes start with the first comparison that needs one: equal text and plain numbers do
    not. ``failures`` counts the comparisons that had no result and count as not equal: "timeout" or "crash".
    """

    def __init__(self, *, num_workers: int = 2, timeout_seconds: float = 10.0) -> None:
        self.failures: Counter[str] = Counter()
        self._timeout_seconds = timeout_seconds
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
        """Tell whether ``answer`` has the value of the known answer ``gold``; no answer ("") equals nothing."""
        gold, answer = normalize_answer(gold), normalize_answer(answer)
        verdict = _compare_plainly(gold, answer)
        return self._ask(gold, answer) if verdict is None else verdict

    def equal(self, pairs: Iterable[tuple[str, str]]) -> Iterator[bool]:
        """Compare pairs of (known answer, answer), several at once; yield the verdicts in the order of the pairs."""
        return self._threads.map(lambda pair: self.are_equal(*pair), pairs)

    def group_by_value(self, answers: Sequence[str]) -> list[int]:
        """Return a group number for each answer, from 0 in order of appearance; answers of one value share it.

        Each answer is compared with the first of each group only, and equal texts once.
        """
        firsts: list[str] = []
        numbers: list[int] = []
        known: dict[str, int] = {}
        for answer in map(normalize_answer, answers):
            if answer not in known:
                equal = self.equal((first, answer) for first in firsts)
                number = next((number for number, same in enumerate(equal) if same), len(firsts))
                if number == len(firsts):
                    firsts.append(answer)
                if answer:  # no answer agrees with nothing, another missing one included
                    known[answer] = number
            numbers.append(known.get(answer, len(firsts) - 1))
        return numbers

    def _ask(self, gold: str, answer: str) -> bool:
        worker = self._free.get()
        try:
            for _ in range(MAX_TRIES):
                worker = worker or self._start()
                try:
                    return worker.are_equal(gold, answer, self._timeout_seconds)
                except (TimeoutError, EOFError, ConnectionError) as error:
                    self._started.discard(worker)
                    worker.kill()
                    worker = None
                    if isinstance(error, TimeoutError) or self._unwanted:
                        self.failures["timeout"] += 1
                        return False
            self.failures["crash"] += 1
            return False
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
            self._receive(START_TIMEOUT_SECONDS)
        except (TimeoutError, EOFError, ConnectionError) as error:
            self.kill()
            raise RuntimeError("the process that compares answers did not start; its error stands above") from error

    def are_equal(self, gold: str, answer: str, timeout_seconds: float) -> bool:
        """Return the process's verdict; TimeoutError where it takes too long, EOFError or OSError where it died."""
        self._connection.send((gold, answer))
        return bool(self._receive(timeout_seconds))

    def end(self) -> None:
        """End the process, whatever it is doing; who waits for it learns that."""
        self._process.kill()

    def kill(self) -> None:
        """End the process and close the pipe to it."""
        self.end()
        self._process.join()
        self._connection.close()

    def _receive(self, timeout_seconds: float) -> Any:
        if not self._connection.poll(timeout_seconds):
            raise TimeoutError
        return self._connection.recv()


def _serve(connection: Connection) -> None:
    from components.shared.texts.math_answers._worker import serve

    serve(connection)


def normalize_answer(text: str) -> str:
    r"""Return an answer without what does not change its value: spacing, ``$``, "The answer is", ``\text``."""
    for spelling, plain in _SPELLINGS.items():
        text = text.replace(spelling, plain)
    text = _POWER.sub(lambda power: f"^{{{power[1]}}}" if power[1] else "^", text)  # Python's ** is not LaTeX
    text = _LEAD_IN.sub("", _SPACING.sub(" ", text).strip()).rstrip(".").strip("$ ")
    if whole := _TEXT.fullmatch(text):
        text = whole[1].strip()
    return text


def _compare_plainly(gold: str, answer: str) -> bool | None:
    """Compare without a process, None where that cannot tell."""
    if not gold or not answer:
        return False
    if gold == answer or (len(gold) > 1 and gold.isalpha() and gold.casefold() == answer.casefold()):
        return True
    numbers = _plain_number(gold), _plain_number(answer)
    if numbers[0] is None or numbers[1] is None:
        return None
    distance = abs(numbers[0] - numbers[1])
    if 0 < distance <= TOLERANCE:
        return None
    return distance == 0


def _plain_number(text: str) -> Fraction | None:
    """Return the value of an integer, a decimal or a ratio of two integers, None for anything else."""
    if len(text) > _MAX_NUMBER_LENGTH:
        return None
    if ratio := _RATIO.fullmatch(text):
        sign, *parts = ratio.groups()
        top, bottom = (int(part) for part in parts if part is not None)
        return Fraction(-top if sign == "-" else top, bottom) if bottom else None
    if any(map(str.isdigit, text)) and _NUMBER.fullmatch(text):
        return Fraction(text.replace(",", ""))
    return None


def _until_closing_brace(text: str, start: int) -> str:
    depth = 1
    for token in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(token.group(), 0)
        if depth == 0:
            return text[start : token.start()]
    return ""
