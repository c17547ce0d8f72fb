"""The loop of the steps that give each row a number."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from components.shared import stopping
from components.shared.config.scoring import ScorerConfig
from components.shared.errors import InputError
from components.shared.filters import KEEP, Verdict, settle
from components.shared.models import fetch_model
from components.shared.records import R
from components.shared.scoring import Score, Scorer, Text, check_scorer, check_scorer_engine
from components.shared.scoring._restarted_scorer import RestartedScorer
from components.shared.templates.marked_text import MarkedText
from components.shared.workspace.earlier_rows import EarlierRows
from components.shared.workspace.output_folders import OutputFolder, Part, RowKey
from components.shared.workspace.rows import Rows


def fetch_scorer(config: ScorerConfig, uri: str, option_name: str) -> Path | None:
    """Return the scorer's local folder, None for the scripted engine, which needs none."""
    if config.scorer_engine == "scripted":
        return None
    check_scorer_engine(config.scorer_engine)
    if not uri:
        raise InputError(
            f"{option_name} must be given: the URI of a scorer, such as train_scorer makes; only "
            "--scorer-engine scripted needs none"
        )
    folder = fetch_model(uri)
    check_scorer(folder, option_name, config.scorer_engine)
    from components.shared.scoring.encoding import longest_text

    longest_text(folder, config.max_tokens)
    if config.scorer_engine == "vllm":
        from components.shared.scoring import vllm_pooling

        vllm_pooling.check(config, folder, option_name)
    return folder


def score_rows(
    rows: Rows[R],
    folder: OutputFolder,
    open_model: Callable[[], Scorer],
    text_of: Callable[[R], str | MarkedText],
    field: str,
) -> str:
    """Fill ``field`` of every row with the score of its text; return the folder's address.

    A batch never reaches beyond its part, so that a row's score depends neither on the number of pods nor on a restart.
    Rejects a text that is ``too_long`` for the scorer, one without a finite score (``no_score``), and one at which the
    scorer crashed, or ran out of memory, each time that it was tried alone.
    """
    earlier = EarlierRows(folder, "id")
    with closing(RestartedScorer[R](open_model)) as scorer:
        if folder.has_work():
            # Before any lease is taken: a scorer that cannot even be opened has not crashed over a part.
            folder.arithmetic = scorer.start().arithmetic
        for part in folder.missing_parts():
            keys = [RowKey(part, index, row) for index, row in enumerate(rows.read(part.slice))]
            texts = [Text(key=key, text=text_of(key.row)) for key in keys if not _taken_over(key, earlier)]
            for score in _scores(part, texts, scorer):
                stopping.check()
                _settle(score, field)
    return folder.finish()


def _taken_over(key: RowKey[R], earlier: EarlierRows) -> bool:
    """Settle a row with the score that an earlier folder has of it; tell whether one has."""
    made = earlier.of(key.row)
    if made is not None:
        made.settle(key.part, key.index)
    return made is not None


def _scores(part: Part, texts: list[Text[RowKey[R]]], scorer: RestartedScorer[R]) -> Iterator[Score[RowKey[R]]]:
    """Yield the part's scores: first of all texts without a crash, then of the others, one at a time."""
    alone = [text for text in texts if part.lease.must_be_alone(text.key.index)]
    together = [text for text in texts if not part.lease.must_be_alone(text.key.index)]
    yield from scorer.answer(together, lost=alone)
    yield from scorer.answer_alone(alone)


def _settle(score: Score[RowKey[R]], field: str) -> None:
    part, index, row = score.key.part, score.key.index, score.key.row
    part.add_to_metric("tokens", score.num_tokens)
    verdict = _verdict(score)
    scored: dict[str, Any] = {field: score.value} if verdict == KEEP else {}
    settle(part, index, [(dataclasses.replace(row, **scored), verdict)])


def _verdict(score: Score[RowKey[R]]) -> Verdict:
    if not score.reason and score.value is not None and math.isfinite(score.value):
        return KEEP
    return Verdict(score.reason or "no_score", score.detail or f"{score.num_tokens} tokens: {score.value}")
