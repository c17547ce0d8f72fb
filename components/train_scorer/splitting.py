"""Examples before and after training: as tokens in a file, and as texts that measure the scorer."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from components.shared.errors import InputError, UnavailableError
from components.shared.records import Reject
from components.shared.scoring import WINDOW_ROWS, Text
from components.shared.scoring.encoding import Encoder
from components.shared.scoring.sequence_classifier import SequenceClassifier
from components.shared.scoring.token_budget import windows
from components.shared.templates.marked_text import MarkedText
from components.shared.training.start_model import StartModel
from components.train_scorer.config import TrainScorerConfig
from components.train_scorer.examples import Drawn, Example, HeldOut
from components.train_scorer.regression_metrics import held_out_metrics, mean_squared_error

# Measuring reads texts once more; this many say enough: the standard error of a share is then 1 %.
MEASURED_EXAMPLES = 2048
MEASURED_TOKENS = 8192  # a batch

SCHEMA = pa.schema([pa.field("input_ids", pa.list_(pa.int32())), pa.field("labels", pa.float32())])

logger = logging.getLogger(__name__)


@dataclass
class Split:
    """The examples by their use; those to train on are in the file."""

    num_trained: int = 0
    sum_trained: float = 0.0  # of their numbers
    numbers: set[float] = field(default_factory=set)
    trained: list[Example] = field(default_factory=list)  # the first MEASURED_EXAMPLES of them
    held_out: list[Example] = field(default_factory=list)  # likewise
    rejects: list[Reject] = field(default_factory=list)


def split_examples(
    config: TrainScorerConfig,
    model: StartModel,
    examples: Iterable[Example],
    drawn: Drawn,
    held_out: HeldOut,
    file: Path,
) -> Split:
    """Tokenize the examples as a scorer will; write those to train on, tell apart those held out and too long.

    Raises InputError if none is left to train on.
    """
    encoder = Encoder(model.folder, add_special_tokens=config.target == "difficulty", max_tokens=config.max_tokens)
    split = Split()
    with pa.OSFile(str(file), "wb") as sink, pa.ipc.new_stream(sink, SCHEMA) as stream:
        for window in windows(examples, WINDOW_ROWS):
            split.rejects += [Reject(row=example.row, reason="not_drawn") for example in window if example not in drawn]
            taking_part = [example for example in window if example in drawn]
            rows = _settle(taking_part, encoder, model, held_out, split)
            stream.write_batch(pa.RecordBatch.from_pylist(rows, schema=SCHEMA))
    if not split.num_trained:
        raise InputError(
            f"--max-tokens {config.max_tokens} leaves no example to train on: {len(split.rejects)} are longer; raise it"
        )
    if len(split.numbers) == 1:
        logger.warning("all %d examples have the number %g", split.num_trained, *split.numbers)
    return split


def _settle(
    window: Sequence[Example], encoder: Encoder, model: StartModel, held_out: HeldOut, split: Split
) -> list[dict[str, list[int] | float]]:
    fitting, too_long = encoder.encode([Text(key=example, text=example.text) for example in window])
    for score in too_long:
        detail = f"{score.num_tokens} tokens; at most {encoder.max_tokens}"
        split.rejects.append(Reject(row=score.key.row, reason="too_long", detail=detail))
    rows: list[dict[str, list[int] | float]] = []
    for item in fitting:
        model.check_tokens(item.ids)
        example: Example = item.key
        is_held_out = example.row.question in held_out
        measured = split.held_out if is_held_out else split.trained
        if len(measured) < MEASURED_EXAMPLES:
            measured.append(example)
        if not is_held_out:
            rows.append({"input_ids": item.ids, "labels": example.number})
            split.num_trained += 1
            split.sum_trained += example.number
            split.numbers.add(example.number)
    return rows


def measure(config: TrainScorerConfig, folder: Path, split: Split) -> dict[str, float]:
    """Score held-out examples, and as many of the others, with the model as it was saved; return the metrics."""
    trained, held_out = split.trained[: max(len(split.held_out), 16)], split.held_out
    predicted = _predict(config, folder, [example.text for example in trained + held_out])
    metrics = {
        "held_out_examples": float(len(held_out)),
        "train_mse": mean_squared_error(predicted[: len(trained)], [example.number for example in trained]),
    }
    if held_out:
        measured = [example.number for example in held_out]
        metrics |= held_out_metrics(predicted[len(trained) :], measured, split.sum_trained / split.num_trained)
    return metrics


def _predict(config: TrainScorerConfig, folder: Path, texts: Sequence[str | MarkedText]) -> list[float]:
    scorer = SequenceClassifier(
        folder,
        add_special_tokens=config.target == "difficulty",
        max_tokens=config.max_tokens,
        max_batch_tokens=MEASURED_TOKENS,
    )
    values: dict[int, float] = {}
    for score in scorer.score(Text(key=number, text=text) for number, text in enumerate(texts)):
        if score.value is None:  # of memory alone: longer texts were rejected before training
            raise UnavailableError(f"the trained scorer cannot be measured: {score.detail}; use a larger accelerator")
        values[score.key] = score.value
    scorer.close()
    if not all(map(math.isfinite, values.values())):
        raise InputError(f"training diverged with --learning-rate {config.learning_rate}; lower it")
    return [values[number] for number in range(len(texts))]
