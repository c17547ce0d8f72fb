"""A scorer that dies is started again in place; a text that it dies of, or cannot hold, is set aside, and no other."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from components.shared import processes
from components.shared.errors import EngineDiedError, UnavailableError
from components.shared.records import Question
from components.shared.restarted import MAX_RESTARTS
from components.shared.scoring import OUT_OF_MEMORY, Announce, Score, Scorer, Text
from components.shared.scoring._scorer_process import ScorerProcess
from components.shared.scoring._scripted_scorer import ScriptedScorer, scripted_value
from components.shared.scoring.score_rows import score_rows
from components.shared.scoring.sequence_classifier import SequenceClassifier
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace._leases import LEASES
from components.shared.workspace.manifests import read_manifest
from tests.components.rejects import read_rejects
from tests.components.shared.sample_folders import SampleConfig
from tests.components.shared.scoring.frail_scorers import (
    FATAL,
    KILLED,
    open_broken,
    open_frail,
    open_with_little_memory,
)
from tests.conftest import WriteRows

ROWS_PER_PART = 10


def score(workspace: Workspace, questions: str, open_model: Callable[[], Scorer]) -> str:
    """Score questions; return the folder's address."""
    rows = workspace.read(questions, Question)
    config = SampleConfig(workspace=workspace.uri, questions=questions, rows_per_part=ROWS_PER_PART)
    folder = workspace.open(config).begin_rows(Question, rows.slices(ROWS_PER_PART))
    return score_rows(rows, folder, open_model, lambda row: row.question, "difficulty")


def difficulties(workspace: Workspace, folder: str) -> dict[str, float | None]:
    """Return the scores of the rows that are kept."""
    return {row.question: row.difficulty for row in workspace.read(folder, Question)}


class Opened:
    """Opens a scorer in a process of its own, and counts how often."""

    def __init__(self, open_scorer: Callable[[Announce], Scorer]) -> None:
        self.open_scorer, self.times = open_scorer, 0

    def __call__(self) -> ScorerProcess:
        self.times += 1
        return ScorerProcess(self.open_scorer)


class CrowdedScorer:
    """Has no memory for any text: others on its accelerator took it."""

    arithmetic = ""

    def score(self, texts: Iterable[Text[Any]]) -> Iterator[Score[Any]]:
        for text in texts:
            yield Score(key=text.key, num_tokens=3, value=None, reason=OUT_OF_MEMORY, detail="3 tokens: 0 bytes free")

    def close(self) -> None:
        """Hold nothing, release nothing."""


@pytest.mark.parametrize("deadly", [FATAL, KILLED])
def test_a_text_that_kills_the_scorer_is_set_aside_and_the_others_are_as_ever(
    deadly: str, workspace: Workspace, write_questions: WriteRows
) -> None:
    texts = [f"question {number}" + f", {deadly}" * (number == 17) for number in range(35)]
    opened = Opened(open_frail)

    folder = score(workspace, write_questions(workspace, texts), opened)

    assert opened.times == 4  # it died of the text among others, and twice of it alone
    (reject,) = read_rejects(folder)
    assert (reject["question"], reject["reason"]) == (texts[17], "killed_the_engine")
    assert reject["detail"] == "tried alone, 2 processes or engines died of it"
    assert difficulties(workspace, folder) == {text: scripted_value(text) for text in texts if text != texts[17]}
    assert LEASES not in storage.list_names(folder)
    assert multiprocessing.active_children() == []


def test_what_the_accelerator_was_not_at_when_it_failed_is_not_tried_alone(
    workspace: Workspace, write_questions: WriteRows, caplog: pytest.LogCaptureFixture
) -> None:
    texts = [f"question {number}" + f", {FATAL}" * (number == 9) for number in range(10)]
    score(workspace, write_questions(workspace, texts), Opened(open_frail))
    condemned = re.findall(r"row (\d+) of part 0 is given up", caplog.text)
    assert condemned == ["9"]
    assert "restart 3 of 3" in caplog.text


def test_a_scorer_that_is_killed_from_outside_costs_no_row(workspace: Workspace, write_questions: WriteRows) -> None:
    texts = [f"question {number}" for number in range(30)]
    killed: list[int] = []

    class Watched(ScorerProcess):
        def score(self, texts: Iterable[Text[Any]]) -> Iterator[Score[Any]]:
            for score in super().score(texts):
                yield score
                if not killed:
                    (process,) = multiprocessing.active_children()
                    killed.append(process.pid or 0)
                    os.kill(killed[0], signal.SIGKILL)

    folder = score(workspace, write_questions(workspace, texts), lambda: Watched(open_frail))
    assert killed
    assert read_manifest(folder).rejected == {}
    assert difficulties(workspace, folder) == {text: scripted_value(text) for text in texts}


def test_a_scorer_that_dies_for_ever_ends_the_process_and_condemns_nothing(
    workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = write_questions(workspace, [f"question {number}" for number in range(4)])
    opened = Opened(open_broken)
    with pytest.raises(EngineDiedError, match="the scorer died and cannot be restarted: an illegal memory access"):
        score(workspace, questions, opened)
    assert opened.times <= MAX_RESTARTS + 1
    assert multiprocessing.active_children() == []
    monkeypatch.setattr(processes, "state_of", lambda name: "dead")  # the next one is another process
    assert read_manifest(score(workspace, questions, lambda: ScriptedScorer(0))).rejected == {}


def test_memory_that_is_short_for_any_text_ends_the_process_and_condemns_nothing(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, [f"question {number}" for number in range(12)])
    for _ in range(3):
        with pytest.raises(UnavailableError, match="no row is rejected; free memory on this machine") as ended:
            score(workspace, questions, CrowdedScorer)
        assert not isinstance(ended.value, EngineDiedError)  # so the command releases what it holds
        workspace.release()
    assert read_manifest(score(workspace, questions, lambda: ScriptedScorer(0))).rejected == {}


@pytest.mark.slow
def test_what_the_memory_does_not_hold_is_done_in_smaller_batches_and_a_text_too_large_for_it_is_set_aside(
    tiny_scorer: Path, tmp_path: Path, workspace: Workspace, write_questions: WriteRows,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    scorer = _scorer_of_large_layers(tiny_scorer, tmp_path)
    texts = [f"{number} " + "abc " * 40 for number in range(15)]
    texts[4] = "abc " * 500  # 130 MB; a short one takes 13 MB
    questions = write_questions(workspace, texts)
    opened = Opened(partial(open_with_little_memory, scorer, 60 * 2**20))

    folder = score(workspace, questions, opened)

    assert opened.times == 1  # the scorer lives on
    (reject,) = read_rejects(folder)
    assert (reject["question"], reject["reason"]) == (texts[4], "killed_the_engine")
    assert caplog.text.count("row 4 of part 0: 2000 tokens: RuntimeError: [enforce fail at alloc_cpu") == 2
    other = Workspace(f"{workspace.uri}-undisturbed")
    whole = SequenceClassifier(scorer, add_special_tokens=True, max_tokens=0, max_batch_tokens=16384)
    expected = difficulties(other, score(other, write_questions(other, texts), lambda: whole))
    del expected[texts[4]]
    assert difficulties(workspace, folder) == pytest.approx(expected, abs=1e-5)


def _scorer_of_large_layers(tiny_scorer: Path, folder: Path) -> Path:
    """Save a scorer that takes 64 kB a token while it computes."""
    config = AutoConfig.from_pretrained(tiny_scorer, intermediate_size=8192, num_hidden_layers=1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModelForSequenceClassification.from_config(config)
    model.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    model.save_pretrained(folder / "large")
    AutoTokenizer.from_pretrained(tiny_scorer).save_pretrained(folder / "large")
    return folder / "large"
