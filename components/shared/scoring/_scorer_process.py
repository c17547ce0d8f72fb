"""A scorer in a process of its own: an accelerator that fails leaves a process unusable, and a new one is not.

Texts go there window by window, scores come back batch by batch; before each one it says which texts are in it, so that
only these are suspect where it is killed. It ends with the process that started it, however that
ends: nobody is left at the other end of its pipe.
"""

from __future__ import annotations

import dataclasses
import logging
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from multiprocessing.connection import Connection
from typing import Any

from components.shared.errors import EngineDiedError
from components.shared.log_lines import start_logging
from components.shared.scoring import WINDOW_ROWS, Announce, K, Score, Scorer, Text
from components.shared.scoring.token_budget import windows
from components.shared.templates.marked_text import MarkedText

SILENCE_SECONDS = 600.0  # without a score, until the log says so, again and again

logger = logging.getLogger(__name__)


class ScorerProcess:
    """A scorer that ``open_scorer`` opens there: a function that can be pickled.

    The scorer calls what it is given with the keys of each batch that it begins.
    """

    def __init__(self, open_scorer: Callable[[Announce], Scorer]) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, open_scorer), name="scorer", daemon=True)
        self._process.start()
        theirs.close()
        self.arithmetic: str = self._receive("for it to open its model")

    def score(self, texts: Iterable[Text[K]]) -> Iterator[Score[K]]:
        """Yield one score for each text, batch by batch."""
        for window in windows(texts, WINDOW_ROWS):
            keys = [text.key for text in window]
            begun: set[int] = set()  # of the batch that it is at
            try:
                self._send([text.text for text in window])
                while (message := self._receive(f"for scores of {len(window)} texts")) is not None:
                    if isinstance(message, Score):
                        begun.discard(message.key)
                        yield dataclasses.replace(message, key=keys[message.key])
                    else:
                        begun = set(message)
            except EngineDiedError as error:
                error.at = [keys[number] for number in error.at or sorted(begun)]
                raise

    def close(self) -> None:
        """End the process, which releases the accelerator."""
        self._process.kill()
        self._process.join()
        self._connection.close()

    def _send(self, texts: list[str | MarkedText]) -> None:
        try:
            self._connection.send(texts)
        except OSError as error:
            raise self._death() from error

    def _receive(self, awaited: str) -> Any:
        """Return what the process says next; a large model may take its time, so that a silence ends nothing."""
        begun = time.monotonic()
        try:
            while not self._connection.poll(SILENCE_SECONDS):
                silence = time.monotonic() - begun
                logger.warning("process %d is silent for %.0f s; waiting %s", self._process.pid, silence, awaited)
            message = self._connection.recv()
        except (EOFError, OSError) as error:
            raise self._death() from error
        if isinstance(message, Exception):
            raise message
        return message

    def _death(self) -> EngineDiedError:
        self._process.join(timeout=10)
        code = self._process.exitcode or 0
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return EngineDiedError(f"its process {how}")


def _serve(connection: Connection, open_scorer: Callable[[Announce], Scorer]) -> None:
    """Send what the scorer computes in, once it is open; for each list of texts then batches, their scores, and None.

    A batch is a list of numbers, those of its texts.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the step, which ends this
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a step prints only its folder's address to standard output
    start_logging()
    try:
        with closing(open_scorer(connection.send)) as scorer:
            connection.send(scorer.arithmetic)
            while True:
                texts = connection.recv()
                for score in scorer.score(Text(key=number, text=text) for number, text in enumerate(texts)):
                    connection.send(score)
                connection.send(None)
    except (EOFError, BrokenPipeError):
        return  # the step has ended
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is raised in the step
        error.add_note(traceback.format_exc())
        connection.send(error)
