"""The loop of the steps that give each row a number."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from components.shared import stopping
from components.shared.errors import InputError
from components.shared.models import fetch_model
from components.shared.output_folders import OutputFolder, Part
from components.shared.records import R, Reject
from components.shared.rows import Rows
from components.shared.scoring import Score, Scorer, ScorerConfig, Text, check_scorer, check_scorer_engine


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
    return folder


def score_rows(
    rows: Rows[R], folder: OutputFolder, open_model: Callable[[], Scorer], text_of: Callable[[R], str], field: str
) -> str:
    """Fill ``field`` of every row with the score of its text; return the folder's address.

    A batch never reaches beyond its part, so that a row's score does not depend on shards or on a restart. Rejects a
    text that is ``too_long`` for the scorer, and one for which it gives no finite number (``no_score``).
    """
    scorer: Scorer | None = None
    try:
        for part in folder.missing_parts():
            scorer = scorer or open_model()
            for batch in _batches(part, rows):
                _score_batch(part, batch, scorer, text_of, field)
    finally:
        if scorer is not None:
            scorer.close()
    return folder.finish()


def _batches(part: Part, rows: Rows[R]) -> Iterator[list[tuple[int, R]]]:
    """Yield what may be scored at once: all rows of a part, but one at a time where a process may die of one."""
    part.begin()
    numbered = part.rows(rows.read(part.slice))
    if part.suspect:
        yield from ([pair] for pair in numbered)
    else:
        yield list(numbered)


def _score_batch(
    part: Part, batch: Sequence[tuple[int, R]], scorer: Scorer, text_of: Callable[[R], str], field: str
) -> None:
    by_index = dict(batch)
    for score in scorer.score(Text(key=index, text=text_of(row)) for index, row in batch):
        stopping.check()
        row = by_index[score.key]
        part.add_to_metric("tokens", score.num_tokens)
        if reason := _reason(score):
            detail = f"{score.num_tokens} tokens; the scorer takes {scorer.max_tokens}"
            part.settle(score.key, rejected=[Reject(row=row, reason=reason, detail=detail)])
        else:
            scored: dict[str, Any] = {field: score.value}
            part.settle(score.key, kept=[dataclasses.replace(row, **scored)])


def _reason(score: Score) -> str:
    if score.value is None:
        return "too_long"
    return "" if math.isfinite(score.value) else "no_score"
