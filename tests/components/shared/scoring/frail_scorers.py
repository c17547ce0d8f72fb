"""Scorers that fail as real ones do, in the processes that tests start them in."""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from components.shared.errors import EngineDiedError
from components.shared.scoring import Announce, Score, Scorer, Text
from components.shared.scoring._scripted_scorer import ScriptedScorer

FATAL = "illegal address"  # a text of which the accelerator fails: no other call of the process succeeds after it
KILLED = "out of memory"  # a text of which the kernel kills the process
BUG = "a bug"


class FrailScorer(ScriptedScorer):
    """Holds eight texts at a time; some of them are its end."""

    def __init__(self, announce: Announce, *, fails_always: bool = False) -> None:
        super().__init__(max_tokens=0)
        self._announce = announce
        self._fails = fails_always

    def score(self, texts: Iterable[Text[Any]]) -> Iterator[Score[Any]]:
        """Yield one score a text, in batches of eight."""
        window = list(texts)
        for start in range(0, len(window), 8):
            batch = window[start : start + 8]
            self._announce([text.key for text in batch])
            self._fails = self._fails or any(FATAL in str(text.text) for text in batch)
            if self._fails:
                raise EngineDiedError("an illegal memory access", at=[text.key for text in batch])
            if any(KILLED in str(text.text) for text in batch):
                os.kill(os.getpid(), signal.SIGKILL)
            if any(BUG in str(text.text) for text in batch):
                raise KeyError("ours")
            sys.stdout.write("a library's banner\n")
            yield from super().score(batch)


def open_frail(announce: Announce) -> Scorer:
    """Return a scorer that some texts are the end of."""
    return FrailScorer(announce)


def open_broken(announce: Announce) -> Scorer:
    """Return a scorer on a broken accelerator."""
    return FrailScorer(announce, fails_always=True)


def open_with_little_memory(folder: Path, headroom: int, _: Announce) -> Scorer:
    """Return a real scorer in a process that may take ``headroom`` bytes more than it has."""
    from components.shared.scoring.sequence_classifier import SequenceClassifier

    scorer = SequenceClassifier(folder, add_special_tokens=True, max_tokens=0, max_batch_tokens=16384)
    list(scorer.score([Text(key=0, text="threads and their stacks")]))
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + headroom, taken + headroom))
    return scorer
