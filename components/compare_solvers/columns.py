"""What the evaluations say: how each model answered each question of each benchmark. Numbers only are held of a row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from components.shared.errors import InputError
from components.shared.records import Evaluation
from components.shared.workspace.manifests import Input, read_manifest_or_none
from components.shared.workspace.row_sources import RowSource
from components.shared.workspace.rows import Rows

UNNAMED = "questions"  # the benchmark of rows without a source


@dataclass(frozen=True, slots=True)
class Answer:
    """How a model did on one question."""

    right: float  # share of its samples
    cut_off: int
    no_answer: int
    unanswered: int
    text: bytes  # digest of the question, equal where a benchmark repeats one
    known: bytes  # digest of the known answer


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a model did on one benchmark."""

    source: RowSource  # the evaluation
    answers: dict[str, Answer] = field(default_factory=dict)  # by the question's id


@dataclass(frozen=True, kw_only=True)
class Column:
    """A model, asked so many times for each question: greedy scores and means of samples are never mixed."""

    model: Input
    num_samples: int
    results: dict[str, Result] = field(default_factory=dict)  # by benchmark

    @property
    def key(self) -> tuple[str, int]:
        """What tells it from other columns."""
        return self.model.fingerprint, self.num_samples


def read_columns(evaluations: Rows[Evaluation]) -> list[Column]:
    """Read evaluations, in their order; InputError where two have the same question by the same model."""
    columns: dict[tuple[str, int], Column] = {}
    for slice_ in evaluations.slices():
        source = evaluations.sources[slice_.input]
        model = _model_of(source)
        for row in evaluations.read(slice_):
            column = Column(model=model, num_samples=len(row.verdicts))
            results = columns.setdefault(column.key, column).results
            result = results.setdefault(row.source or UNNAMED, Result(source=source))
            if row.id in result.answers:
                raise InputError(
                    f"{result.source.folder} and {source.folder} both evaluate {model.uri} on the question {row.id} of "
                    f"{row.source or UNNAMED}, {len(row.verdicts)} times each; give one of them"
                )
            result.answers[row.id] = _answer(row)
    return list(columns.values())


def trained_from(model: Input) -> Iterator[Input]:
    """Yield what a model was trained from, and so on back to what was not trained here."""
    while parents := _inputs_of(model, "model"):
        (model,) = parents
        yield model


def labels_of(columns: list[Column]) -> dict[tuple[str, int], str]:
    """Return a name for each column that a person can tell from the others."""
    names = {column.key: _name_of(column.model) for column in columns}
    models_named = {name: {key[0] for key in names if names[key] == name} for name in names.values()}
    labels = {}
    for (fingerprint, num_samples), name in names.items():
        mark = f" ({fingerprint.rpartition(':')[2][:8]})" if len(models_named[name]) > 1 else ""
        samples = f", mean of {num_samples} samples" if num_samples > 1 else ""
        labels[fingerprint, num_samples] = f"{name}{mark}{samples}"
    return labels


def _model_of(source: RowSource) -> Input:
    models = source.manifest.inputs.get("model", ())
    if source.rejected or len(models) != 1:
        raise InputError(f"{source.uri} is no finished evaluation of one model; expected folders that evaluate wrote")
    return models[0]


def _answer(row: Evaluation) -> Answer:
    counts = {verdict: row.verdicts.count(verdict) for verdict in ("right", "wrong", "cut_off", "no_answer")}
    return Answer(
        right=counts["right"] / len(row.verdicts),
        cut_off=counts["cut_off"],
        no_answer=counts["no_answer"],
        unanswered=len(row.verdicts) - sum(counts.values()),
        text=_digest(" ".join(row.question.split())),
        known=_digest(row.answer),
    )


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _name_of(model: Input) -> str:
    """Return the name of what was brought in from outside, and how often it was trained since."""
    chain = [model, *trained_from(model)]
    origin = (_inputs_of(chain[-1], "source") or (chain[-1],))[0].uri
    name = origin.partition("@")[0].rstrip("/").rpartition("/")[2].rpartition(":")[2]
    return " + ".join([name, *(step for step in map(_step_of, reversed(chain)) if step.startswith("train_"))])


def _step_of(model: Input) -> str:
    manifest = read_manifest_or_none(model.uri) if model.is_folder else None
    return manifest.step if manifest else ""


def _inputs_of(model: Input, option: str) -> tuple[Input, ...]:
    manifest = read_manifest_or_none(model.uri) if model.is_folder else None
    return manifest.inputs.get(option, ()) if manifest else ()
