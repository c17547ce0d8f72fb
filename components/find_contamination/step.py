"""Find which questions of benchmarks stand in the rows that a model is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from components.find_contamination.config import FindContaminationConfig
from components.shared import speaking, stopping
from components.shared.config import folders
from components.shared.errors import InputError
from components.shared.records import Contamination, Example, Question, Response, kind_of
from components.shared.texts.leaks import RULES, Rules
from components.shared.workspace import Workspace
from components.shared.workspace.row_sources import open_source
from components.shared.workspace.rows import Rows

TrainingRow = Question | Response | Example
TrainingRows = Rows[Any]  # of one of these kinds
TRAINED_ON = {kind_of(record): record for record in get_args(TrainingRow)}


@dataclass(slots=True)
class Hit:
    """What a rule found of one question: how many training rows, and the first of them."""

    num_rows: int = 0
    row_id: str = ""
    question: str = ""

    def add(self, row: TrainingRow) -> None:
        """Take note of a training row."""
        if not self.num_rows:
            self.row_id, self.question = row.id, row.question
        self.num_rows += 1


@dataclass(slots=True)
class Finding:
    """What is known of one question of a benchmark."""

    question: Question
    short_for: Sequence[str]  # the rules whose runs are longer than the question
    hits: dict[str, Hit] = field(default_factory=lambda: {rule: Hit() for rule in RULES})

    def add(self, row: TrainingRow, rules: Sequence[str]) -> None:
        """Take note of a training row that gives the question away."""
        for rule in rules:
            self.hits[rule].add(row)

    def row(self) -> Contamination:
        """Return it as a row."""
        return Contamination(
            id=self.question.id,
            question=self.question.question,
            source=self.question.source,
            rules=RULES,
            num_training_rows=tuple(hit.num_rows for hit in self.hits.values()),
            training_ids=tuple(hit.row_id for hit in self.hits.values()),
            training_questions=tuple(hit.question for hit in self.hits.values()),
            not_testable=tuple(rule for rule in self.short_for if not self.hits[rule].num_rows),
        )


def run(config: FindContaminationConfig, workspace: Workspace) -> str:
    """Index the benchmarks, let the training rows pass by, write a row for each question; return the folder's address.

    One process: nothing is known of any question before the last training row has passed.
    """
    questions = workspace.read(config.questions, Question)
    training = [_training_rows(workspace, uri) for uri in folders(config.training)]
    folder = workspace.open(config, questions, *training).begin_rows(Contamination, questions.slices())
    findings: list[Finding] = []
    for part in folder.missing_parts(in_order=True):
        findings = findings or find(questions, training)
        before = sum(map(len, folder.slices[: part.number]))
        for index in range(len(part)):
            row = findings[before + index].row()
            for name, number in figures_of(row).items():
                part.add_to_metric(name, number)
            part.settle(index, kept=[row])
    return folder.finish(lambda _: {"training_rows": sum(map(len, training))})


def find(questions: Iterable[Question], training: Sequence[TrainingRows]) -> list[Finding]:
    """Return what the training rows give away of each question, in their order."""
    asked = list(questions)
    rules = Rules()
    findings = [Finding(question, rules.add(question.question)) for question in asked]
    course = speaking.Course("training row", sum(map(len, training)))
    text, matches = "", rules.find("")
    with speaking.phase("comparing", lambda: course):
        for row in (row for rows in training for row in rows):
            stopping.check()
            if row.question != text:  # responses to one question follow each other
                text, matches = row.question, rules.find(row.question)
            for number, rules_that_hit in matches.items():
                findings[number].add(row, rules_that_hit)
            course.done += 1
    return findings


def figures_of(row: Contamination) -> Mapping[str, float]:
    """Return what a question adds to the sums of its benchmark: those that each rule finds, and cannot judge."""
    figures = {f"questions: {row.source}": 1.0}
    for rule, number in zip(row.rules, row.num_training_rows, strict=True):
        figures[f"dirty: {row.source}, {rule}"] = float(number > 0)
    return figures | {f"not_testable: {row.source}, {rule}": 1.0 for rule in row.not_testable}


def _training_rows(workspace: Workspace, uri: str) -> TrainingRows:
    source = open_source(uri)
    record = TRAINED_ON.get(source.kind)
    if record is None:
        raise InputError(
            f"--training {uri} holds {source.kind} rows, made by {source.manifest.step}; expected question, response "
            "or example rows"
        )
    return workspace.read(uri, record)
