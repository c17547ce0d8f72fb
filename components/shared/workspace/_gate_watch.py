"""What the gates of a step have seen of its folder, and whether one of them closes.

Each part's ledger keeps, for each figure that a gate watches, the sum of its values and their number. Whoever works at
a folder reads the ledgers of all its parts: what stands at the beginning, so that a step that a gate has stopped is
stopped again before it opens a model; then every ``LOOK_SECONDS`` those of new parts that others have written, and
before a gate closes. So only all parts together close a gate. They are one sequence, in the order in which they were
written, whatever the number of processes and attempts: the test's false alarms are those of one process, and the
processes that share a folder come to the same verdict.
"""

from __future__ import annotations

import logging
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from components.shared.config import StepConfig
from components.shared.config.gates import FIGURES, Gate, read_gates
from components.shared.errors import GateClosedError
from components.shared.records import Question, Response, Row
from components.shared.sequential_test import log_evidence
from components.shared.texts.canonical import canonical_key
from components.shared.texts.likeness import ALIKE, NUM_FEATURES, features_of
from components.shared.workspace._gathered_ledgers import FolderLedgers

FALSE_ALARMS = 1e-4  # how likely it is at most that a gate whose bound is kept ever closes at a folder
LOOK_SECONDS = 20.0  # between looks at what others have written: a listing, and a footer for each new part
RECENT = 256  # questions that a new one is compared with

Watched = dict[str, list[float]]  # of a figure: the sum of its values, and their number

logger = logging.getLogger(__name__)


class PartWatch:
    """The figures of one part in the making, as far as a gate watches them."""

    def __init__(self, figures: Iterable[str]) -> None:
        self.sums: Watched = {figure: [0.0, 0] for figure in figures}

    def add(self, figure: str, values: Sequence[float]) -> None:
        """Take values from 0 to 1 into account; nothing where no gate watches the figure."""
        if figure in self.sums:
            self.sums[figure][0] += sum(values)
            self.sums[figure][1] += len(values)


class GateWatch:
    """The gates of one step at one folder."""

    def __init__(self, config: StepConfig, ledgers: FolderLedgers) -> None:
        self._gates = [gate for gate in read_gates(config.gates) if gate.step == config.step]
        self._ledgers = ledgers
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._numbers: defaultdict[str, float] = defaultdict(float)
        self._taken: set[str] = set()  # parts whose figures are in these
        self._is_judged = True  # whether they have been since the last one
        self._looked = -math.inf  # when, by the monotonic clock
        self._warned: set[Gate] = set()
        self._seen: set[int] = set()  # hashes of questions
        self._recent = np.zeros((0, NUM_FEATURES))  # features of questions, the oldest overwritten
        self._num_compared = 0

    def of_part(self) -> PartWatch:
        """Return what watches a part that is begun."""
        return PartWatch(dict.fromkeys(gate.figure for gate in self._gates))

    def see(self, part: PartWatch, kept: Sequence[Row], num_rejected: int) -> None:
        """Watch the rows of a part of which each is settled."""
        part.add("kept", [1.0] * len(kept) + [0.0] * num_rejected)
        questions = [row.question for row in kept if isinstance(row, Question)]
        if "duplicates" in part.sums:
            part.add("duplicates", [self._is_repeated(question) for question in questions])
        if "diversity" in part.sums:
            part.add("diversity", [self._is_new(question) for question in questions])
        responses = [row for row in kept if isinstance(row, Response)]
        chosen = [(row.num_agreeing, row.num_candidates) for row in responses]
        part.add("agreement", [agreeing / candidates for agreeing, candidates in chosen if agreeing and candidates])

    def take(self, part: str, watched: Mapping[str, Sequence[float]]) -> None:
        """Take the figures of a part that stands into account, once."""
        if part in self._taken:
            return
        self._taken.add(part)
        self._is_judged = False
        for figure, (total, number) in watched.items():
            self._sums[figure] += total
            self._numbers[figure] += number

    def judge(self) -> None:
        """Raise GateClosedError where a figure is surely beyond its bound; warn, once, where its gate says so.

        To be called often: it looks at the store now and then, and where a gate seems to close.
        """
        is_due = bool(self._gates) and time.monotonic() - self._looked >= LOOK_SECONDS
        if not is_due and (self._is_judged or not self._closing()):
            self._is_judged = True
            return
        for part, ledger in self._ledgers.standing(but=self._taken).items():
            self.take(part, ledger.watched)
        self._is_judged, self._looked = True, time.monotonic()
        for gate in self._closing():
            told = self._told(gate)
            if gate.action == "stop":
                raise GateClosedError(
                    f"{told}; look at what is made: scalequest show {self._ledgers.folder}; mend the cause, or change "
                    'or remove the gate (--set gates="…"): finished parts stay, and the same command goes on'
                )
            self._warned.add(gate)
            logger.warning("%s", told)

    def _closing(self) -> list[Gate]:
        return [gate for gate in self._gates if gate not in self._warned and self._is_beyond(gate)]

    def _is_beyond(self, gate: Gate) -> bool:
        total, number = self._sums[gate.figure], self._numbers[gate.figure]
        if not number:
            return False
        evidence = log_evidence(total, number, gate.bound, above=gate.sign == "<=")
        return evidence >= -math.log(FALSE_ALARMS)

    def _told(self, gate: Gate) -> str:
        total, number = self._sums[gate.figure], self._numbers[gate.figure]
        return (
            f"the gate {gate.text!r} is not kept: {gate.figure} is {total / number:.3f} over {number:,.0f} values "
            f"({FIGURES[gate.figure]})"
        )

    def _is_repeated(self, question: str) -> bool:
        key = hash(canonical_key(question))
        is_there = key in self._seen
        self._seen.add(key)
        return is_there

    def _is_new(self, question: str) -> bool:
        if not len(self._recent):
            self._recent = np.zeros((RECENT, NUM_FEATURES))  # a row without a question is like none
        features = features_of(question)
        is_new = float((self._recent @ features).max()) < ALIKE
        self._recent[self._num_compared % RECENT] = features
        self._num_compared += 1
        return is_new
