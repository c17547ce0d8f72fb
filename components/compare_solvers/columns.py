"""What the evaluations say: how each model answered each question of each benchmark. Numbers only are held of a row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from components.shared.errors import InputError
from components.shared.records import Evaluation
from components.shared.workspace.ledgers import REJECTED
from components.shared.workspace.lineage import UsedModel, models_of
from components.shared.workspace.row_sources import RowSource
from components.shared.workspace.rows import Rows

UNNAMED = "questions"  # the benchmark of rows without a source


class Key(NamedTuple):
    """What tells a column from others: greedy scores, means of samples, and other templates are never mixed."""

    model: str  # fingerprint
    num_samples: int  # a question
    chat_template: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How a model did on one question."""

    right: float  # share of its samples
    cut_off: int
    no_answer: int
    unanswered: int
    not_compared: int
    unboxed: int  # no answer in a box, but what is said last is right
    majority: float | None  # of several samples
    text: bytes  # digest of the question, equal where a benchmark repeats one
    asked: bytes  # digest of the question and its known answer
    groups: tuple[tuple[str, str], ...]  # the benchmark's own: of which kind, which one; "" for none


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a model did on one benchmark."""

    source: RowSource  # the evaluation
    answers: dict[str, Answer] = field(default_factory=dict)  # by the question's id
    rejected: set[str] = field(default_factory=set)  # ids of questions that the engine never put to the model


@dataclass(frozen=True, kw_only=True)
class Column:
    """A model, asked in one way."""

    key: Key
    models: Sequence[UsedModel]  # the model, what it was trained from, and so on to its source
    results: dict[str, Result] = field(default_factory=dict)  # by benchmark

    @property
    def name(self) -> str:
        """The name of what was brought in from outside, and the trainings since."""
        name = self.models[-1].uri.partition("@")[0].rstrip("/").rpartition("/")[2].rpartition(":")[2]
        return " + ".join([name, *(each.step for each in reversed(self.models) if each.step.startswith("train_"))])

    @property
    def made_with(self) -> Mapping[str, Any]:
        """The options of its import and its trainings; of one that several have, that of the last."""
        return {option: value for each in reversed(self.models) for option, value in each.options.items()}


def read_columns(evaluations: Rows[Evaluation]) -> list[Column]:
    """Read evaluations, in their order; InputError where two have the same question by the same model."""
    columns: dict[Key, Column] = {}
    models = list(map(_models_of, evaluations.sources))
    for slice_ in evaluations.slices():
        source, used = evaluations.sources[slice_.input], models[slice_.input]
        for row in evaluations.read(slice_):
            template = str(source.manifest.options.get("chat_template", ""))
            key = Key(used[0].fingerprint, len(row.verdicts), template)
            results = columns.setdefault(key, Column(key=key, models=used)).results
            result = results.setdefault(row.source or UNNAMED, Result(source=source))
            if row.id in result.answers:
                raise InputError(
                    f"{result.source.folder} and {source.folder} both have answers of {used[0].uri} to the question "
                    f"{row.id} of {row.source or UNNAMED}; give one of them"
                )
            result.answers[row.id] = _answer(row)
    for source, used in zip(evaluations.sources, models, strict=True):
        if source.manifest.rejected:
            _add_rejected([column for column in columns.values() if column.models[0] == used[0]], source)
    return list(columns.values())


def labels_of(columns: Sequence[Column]) -> dict[Key, str]:
    """Return a name for each column that a person can tell from the others."""
    names = {column.key: column.name for column in columns}
    marks: dict[str, str] = {}
    for name in {*names.values()}:
        marks |= _marks_of({column.key.model: column.made_with for column in columns if column.name == name})
    templates_of = {key.model: {other.chat_template for other in names if other.model == key.model} for key in names}
    labels = {}
    for key, name in names.items():
        template = f", template {key.chat_template}" if len(templates_of[key.model]) > 1 else ""
        samples = f", mean of {key.num_samples} samples" if key.num_samples > 1 else ""
        labels[key] = f"{name}{marks[key.model]}{template}{samples}"
    return labels


def _marks_of(models: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return what tells models of one name apart: how they were made; where that does not, their fingerprints."""
    options = dict.fromkeys(option for each in models.values() for option in each)
    differ = [option for option in options if len({str(each.get(option)) for each in models.values()}) > 1]
    marks = {model: ", ".join(f"{option} {each.get(option)}" for option in differ) for model, each in models.items()}
    if len({*marks.values()}) < len(marks):
        marks = {model: model.rpartition(":")[2][:8] for model in models}
    return {model: f" ({mark})" if len(models) > 1 else "" for model, mark in marks.items()}


def _models_of(source: RowSource) -> list[UsedModel]:
    models = models_of(source.manifest)
    if source.rejected or not models:
        raise InputError(f"{source.uri} is no evaluation of a model; expected folders that evaluate wrote")
    return models


def _add_rejected(columns: Sequence[Column], source: RowSource) -> None:
    for row in Rows([f"{source.folder}/{REJECTED}"], Evaluation):
        for column in columns:
            if result := column.results.get(row.source or UNNAMED):
                result.rejected.add(row.id)


def _answer(row: Evaluation) -> Answer:
    verdicts = ("right", "wrong", "not_compared", "cut_off", "no_answer")
    counts = {verdict: row.verdicts.count(verdict) for verdict in verdicts}
    return Answer(
        right=counts["right"] / len(row.verdicts),
        cut_off=counts["cut_off"],
        no_answer=counts["no_answer"],
        unanswered=len(row.verdicts) - sum(counts.values()),
        not_compared=counts["not_compared"],
        unboxed=sum(row.right_unboxed),
        majority=row.majority,
        text=_digest(" ".join(row.question.split())),
        asked=_digest(f"{row.question}\0{row.answer}"),
        groups=(("subject", row.subject), ("level", row.level)),
    )


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
