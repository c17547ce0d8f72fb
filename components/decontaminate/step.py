"""Reject questions that stand in a benchmark, as they are or in other words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.decontaminate.config import DecontaminateConfig
from components.shared.filters import KEEP, Verdict, settle
from components.shared.records import Question
from components.shared.texts.leaks import NEAR_DUPLICATE, Rules, recall_of_planted
from components.shared.workspace import Workspace

RUN = "ngram_8"  # the rule that finds copies
COPIED, REWORDED = "copied", "reworded"


class Benchmarks:
    """The questions that must not stand in a dataset."""

    def __init__(self, questions: Sequence[Question], *, near_duplicates: bool) -> None:
        self._questions = questions
        self._applied = {RUN: COPIED, NEAR_DUPLICATE: REWORDED} if near_duplicates else {RUN: COPIED}
        self._rules = Rules(tuple(self._applied))
        self.num_short = sum(RUN in self._rules.add(row.question) for row in questions)  # found as a whole text only

    def judge(self, question: str) -> tuple[Verdict, str]:
        """Return KEEP, or why a question is rejected, and the benchmark that it is of."""
        found = self._rules.find(question)
        for rule, reason in self._applied.items():
            for number, rules in found.items():
                if rule in rules:
                    row = self._questions[number]
                    return Verdict(reason, f"{row.source} {row.id}: {row.question}"), row.source
        return KEEP, ""

    def certificate(self) -> Mapping[str, float]:
        """Return what was looked for, and how much of what was planted these rules find."""
        figures = {f"benchmark_questions: {row.source}": 0.0 for row in self._questions}
        for row in self._questions:
            figures[f"benchmark_questions: {row.source}"] += 1
        recall = recall_of_planted(tuple(self._applied))
        return (
            figures
            | {"found_as_whole_only": self.num_short}
            | {f"recall: {kind}": share for kind, share in recall.items()}
        )


def run(config: DecontaminateConfig, workspace: Workspace) -> str:
    """Judge every question; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    asked = workspace.read(config.benchmarks, Question)
    folder = workspace.open(config, questions, asked).begin_rows(Question, questions.slices(config.rows_per_part))
    if folder.finished:
        return folder.uri
    benchmarks = Benchmarks(list(asked), near_duplicates=config.near_duplicates)
    for part in folder.missing_parts():
        for index, question in part.rows(questions.read(part.slice)):
            verdict, benchmark = benchmarks.judge(question.question)
            if benchmark:
                part.add_to_metric(f"{verdict.reason}: {benchmark}", 1)
            settle(part, index, [(question, verdict)])
    return folder.finish(lambda _: benchmarks.certificate())
