"""What every scorer promises, whatever computes: the same cases for the scripted one, transformers' and vLLM's."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from components.shared import scoring
from components.shared.config.scoring import SCORER_ENGINES
from components.shared.scoring import TOO_LONG, WINDOW_ROWS, Score, Scorer, Text, open_scorer
from components.shared.scoring._scorer_process import ScorerProcess
from tests.components.shared.scoring.test_scoring import SomeScoringConfig

pytestmark = pytest.mark.slow

MAX_TOKENS = 200  # as many letters for the tiny model, words for the scripted one
TOLERANCE = 1e-3  # between texts scored together and alone; vLLM's kernels differ by that from batch to batch
IN_A_PROCESS = "transformers in a process of its own"  # as beside an accelerator
KINDS = ["scripted", "transformers", IN_A_PROCESS, pytest.param("vllm", marks=pytest.mark.model)]


def open_kind(kind: str, folder: Path) -> Scorer:
    """Open a scorer as a step opens it."""
    name = "transformers" if kind == IN_A_PROCESS else kind
    config = SomeScoringConfig(workspace="w", scorer_engine=name, max_tokens=MAX_TOKENS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "num_accelerators", lambda: int(kind == IN_A_PROCESS))
        scorer = open_scorer(config, folder, add_special_tokens=True)
    assert isinstance(scorer, ScorerProcess) == (kind == IN_A_PROCESS)
    return scorer


@pytest.fixture(scope="module", params=KINDS)
def scorer(request: pytest.FixtureRequest, tiny_scorer: Path) -> Iterator[Scorer]:
    """Each scorer."""
    with closing(open_kind(request.param, tiny_scorer)) as opened:
        yield opened


def texts(count: int = 20) -> list[Text[Any]]:
    """Return texts of several lengths; a key is whatever the caller likes."""
    return [Text(key=["row", n], text="What is that? " * (1 + n % 5) + str(n)) for n in range(count)]


def by_row(scores: Iterable[Score[Any]]) -> dict[int, float]:
    """Return the values by the second half of the key; each text has one."""
    found = list(scores)
    values = {score.key[1]: score.value for score in found}
    assert len(values) == len(found)
    return {row: value for row, value in values.items() if value is not None}


def test_every_scorer_is_held_to_the_contract() -> None:
    assert {"scripted", "transformers", "vllm"} == set(SCORER_ENGINES)


def test_every_text_has_one_score_under_its_own_key(scorer: Scorer) -> None:
    given = texts()
    scores = list(scorer.score(iter(given)))
    assert sorted(id(score.key) for score in scores) == sorted(id(text.key) for text in given)
    assert all(score.value is not None and math.isfinite(score.value) for score in scores)
    assert all(0 < score.num_tokens <= MAX_TOKENS for score in scores)
    assert not any(score.reason or score.detail for score in scores)
    assert len({score.value for score in scores}) > 10


def test_a_text_has_the_same_score_each_time_and_among_any_others(scorer: Scorer) -> None:
    together = by_row(scorer.score(texts()))
    assert by_row(scorer.score(reversed(texts()))) == pytest.approx(together, abs=TOLERANCE)
    for text in texts()[::7]:
        assert by_row(scorer.score([text])) == pytest.approx({text.key[1]: together[text.key[1]]}, abs=TOLERANCE)


def test_a_text_that_is_too_long_says_so_and_the_others_have_their_scores(scorer: Scorer) -> None:
    long = Text(key=["long", -1], text="a " * (MAX_TOKENS + 1))
    scores = {score.key[1]: score for score in scorer.score([*texts(3), long, *texts(6)[3:]])}
    assert (scores[-1].value, scores[-1].reason) == (None, TOO_LONG)
    assert scores[-1].num_tokens > MAX_TOKENS
    assert str(MAX_TOKENS) in scores[-1].detail
    assert [row for row, score in sorted(scores.items()) if score.value is not None] == list(range(6))


def test_no_text_at_all_has_a_score(scorer: Scorer) -> None:
    (score,) = scorer.score([Text(key=["empty", 0], text="")])
    assert score.value is not None
    assert math.isfinite(score.value)


def test_a_stream_is_read_no_further_than_one_window(scorer: Scorer) -> None:
    read: list[int] = []

    def stream() -> Iterator[Text[Any]]:
        for number in range(WINDOW_ROWS + 1):
            read.append(number)
            yield Text(key=["stream", number], text="a")

    scores = scorer.score(stream())
    next(scores)
    assert len(read) <= WINDOW_ROWS
    assert len(list(scores)) == WINDOW_ROWS


def test_no_text_has_no_score(scorer: Scorer) -> None:
    assert list(scorer.score([])) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_scorer_may_be_closed_twice(kind: str, tiny_scorer: Path) -> None:
    opened = open_kind(kind, tiny_scorer)
    assert len(list(opened.score(texts(2)))) == 2
    opened.close()
    opened.close()
