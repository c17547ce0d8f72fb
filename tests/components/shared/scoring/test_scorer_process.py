"""A scorer's own process gives the scores of the scorer, says what went wrong, and never outlives who started it."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import EngineDiedError
from components.shared.scoring import Text, _scorer_process
from components.shared.scoring._scorer_process import ScorerProcess
from components.shared.scoring._scripted_scorer import scripted_value
from tests.components.shared.mortals import is_alive
from tests.components.shared.scoring.frail_scorers import BUG, FATAL, KILLED, open_frail

SCRIPT = """
import multiprocessing, sys, time
from components.shared.scoring import Text
from components.shared.scoring._scorer_process import ScorerProcess
from tests.components.shared.scoring.frail_scorers import open_frail

if __name__ == "__main__":
    scorer = ScorerProcess(open_frail)
    list(scorer.score([Text(key=0, text="a")]))
    print(*(process.pid for process in multiprocessing.active_children()), flush=True)
    time.sleep(600)
"""


def texts(*some: str) -> list[Text[Any]]:
    """Return texts that are known by their letters."""
    return [Text(key=("row", number, text), text=text) for number, text in enumerate(some)]


def twenty(what_the_twelfth_holds: str = "") -> list[Text[Any]]:
    """Return texts of which the scorer takes eight at a time."""
    return texts(*(f"text {number}" + what_the_twelfth_holds * (number == 11) for number in range(20)))


@pytest.fixture
def scorer() -> Iterator[ScorerProcess]:
    """A scorer that some texts are the end of, in a process of its own."""
    opened = ScorerProcess(open_frail)
    yield opened
    opened.close()


def test_scores_are_those_of_the_scorer_under_the_callers_keys(scorer: ScorerProcess) -> None:
    given = twenty()
    for _ in range(2):
        assert {score.key: score.value for score in scorer.score(given)} == {
            text.key: scripted_value(str(text.text)) for text in given
        }


def test_a_failure_of_the_accelerator_names_the_texts_that_it_was_at(scorer: ScorerProcess) -> None:
    given = twenty(FATAL)
    with pytest.raises(EngineDiedError, match="an illegal memory access") as died:
        list(scorer.score(given))
    assert died.value.at == [text.key for text in given[8:16]]


def test_a_process_that_is_killed_is_said_to_be_and_at_which_batch(scorer: ScorerProcess) -> None:
    given = twenty(KILLED)
    with pytest.raises(EngineDiedError, match="its process was killed by SIGKILL") as died:
        list(scorer.score(given))
    assert died.value.at == [text.key for text in given[8:16]]
    with pytest.raises(EngineDiedError, match="its process was killed by SIGKILL"):
        list(scorer.score(texts("another")))


def test_a_process_that_hangs_is_said_to_and_is_waited_for(
    scorer: ScorerProcess, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (process,) = multiprocessing.active_children()
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    monkeypatch.setattr(_scorer_process, "SILENCE_SECONDS", 0.1)
    with ThreadPoolExecutor(1) as thread:
        scores = thread.submit(list, scorer.score(texts("a text")))
        while " is silent for " not in caplog.text and not scores.done():
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGCONT)
        (score,) = scores.result()
    assert score.value == scripted_value("a text")
    assert re.search(rf"process {process.pid} is silent for \d+ s; waiting for scores of 1 texts", caplog.text)


def test_a_bug_comes_with_the_place_where_it_is(scorer: ScorerProcess) -> None:
    with pytest.raises(KeyError, match="ours") as raised:
        list(scorer.score(texts(BUG)))
    assert 'raise KeyError("ours")' in raised.value.__notes__[0]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_the_process_that_started_it_and_leaves_its_output_alone(
    number: signal.Signals, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen([sys.executable, script], env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())  # no library's banner
        process.send_signal(number)
        process.wait()
        deadline = time.monotonic() + 60
        while is_alive(child) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not is_alive(child)
