"""Finished evaluations with verdicts that a test gives, of models that the test imports and trains, or says it does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.shared.config import PartsConfig, option
from components.shared.records import Contamination, Evaluation, Question, Reject
from components.shared.workspace import Workspace
from components.shared.workspace.plans import Slice

BASE = "hf://org/Base-1B@" + "0" * 40


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(PartsConfig):
    """Stands for the step of that name."""

    questions: str = option(help="what was asked", is_folder=True)
    model: str = option(help="the solver", is_folder=True)
    num_samples: int = option(1, help="responses a question")
    num_examples: int = option(0, help="worked examples")
    chat_template: str = option("own", help="chat template")
    prompt_file: str = option("prompt:solve", help="prompt", is_folder=True)

    step = "evaluate"


@dataclass(frozen=True, kw_only=True)
class ImportQuestionsConfig(PartsConfig):
    """Stands for the step of that name."""

    content: str = option(help="what the rows are")

    step = "import_questions"


@dataclass(frozen=True, kw_only=True)
class TrainSftConfig(PartsConfig):
    """Stands for a training: what it makes is no model, but has a model's lineage."""

    model: str = option(help="the base", is_folder=True)
    learning_rate: float = option(1e-5, help="peak")
    seed: int = option(0, help="random seed")

    step = "train_sft"


UNBOXED = "u"  # no answer in a box, but what is said last is right
VERDICTS = {"+": "right", "-": "wrong", "?": "not_compared", "c": "cut_off", "f": "filtered"}
VERDICTS |= dict.fromkeys(("n", UNBOXED), "no_answer")


def evaluations(
    marks: str | Sequence[str],
    *,
    benchmark: str = "gsm8k",
    subjects: Sequence[str] = (),
    texts: Mapping[int, str] | None = None,
) -> list[Evaluation]:
    """Return a row for each mark, or each text of marks, one mark a sample."""
    rows = []
    for number, samples in enumerate(marks):
        verdicts = tuple(VERDICTS[mark] for mark in samples)
        rows.append(
            Evaluation(
                id=f"{benchmark}-{number:05d}",
                question=(texts or {}).get(number, f"What is {number} + {number} in {benchmark}?"),
                answer=str(2 * number),
                source=benchmark,
                subject=subjects[number % len(subjects)] if subjects else "",
                responses=tuple(rf"\boxed{{{2 * number}}}" for _ in verdicts),
                final_answers=tuple(str(2 * number) for _ in verdicts),
                finish_reasons=tuple("stop" for _ in verdicts),
                num_tokens=tuple(9 for _ in verdicts),
                correct=tuple(verdict == "right" for verdict in verdicts),
                verdicts=verdicts,
                right_unboxed=tuple(mark == UNBOXED for mark in samples),
                majority=float(samples.count("+") * 2 > len(samples)) if len(samples) > 1 else None,
            )
        )
    return rows


def write_evaluation(
    workspace: Workspace,
    rows: Sequence[Evaluation],
    model: str,
    *,
    num_examples: int = 0,
    chat_template: str = "own",
    prompt_file: str = "prompt:solve",
    rejected: Sequence[str] = (),
) -> str:
    """Write a finished evaluation; the questions whose ids are ``rejected`` stand among its rejects."""
    config = EvaluateConfig(
        workspace=workspace.uri,
        questions=_questions(workspace, rows),
        model=model,
        num_samples=len(rows[0].verdicts),
        num_examples=num_examples,
        chat_template=chat_template,
        prompt_file=prompt_file,
    )
    folder = workspace.open(config).begin_rows(Evaluation, [Slice(start=0, stop=len(rows))])
    for part in folder.missing_parts():
        for index, row in enumerate(rows):
            if row.id in rejected:
                part.settle(index, rejected=[Reject(row=row, reason="refused")])
            else:
                part.settle(index, kept=[row])
    return folder.finish()


def _questions(workspace: Workspace, rows: Sequence[Evaluation]) -> str:
    """Write what was asked; other verdicts have another folder, too, which stands for other replies of the model."""
    config = ImportQuestionsConfig(workspace=workspace.uri, content=repr(rows))
    folder = workspace.open(config).begin_rows(Question, [Slice(start=0, stop=len(rows))])
    for part in folder.missing_parts():
        for index, row in enumerate(rows):
            part.settle(index, kept=[Question(id=row.id, question=row.question, answer=row.answer, source=row.source)])
    return folder.finish()


def contamination(rows: Sequence[Evaluation], dirty: Sequence[int], short: Sequence[int] = ()) -> list[Contamination]:
    """Return what one rule found: the questions of these places in the training rows, and those too short to tell."""
    return [
        Contamination(
            id=row.id,
            question=row.question,
            source=row.source,
            rules=("ngram_13",),
            num_training_rows=(int(place in dirty),),
            training_ids=("t" if place in dirty else "",),
            training_questions=(row.question if place in dirty else "",),
            not_testable=("ngram_13",) if place in short else (),
        )
        for place, row in enumerate(rows)
    ]


def train(workspace: Workspace, base: str, **options: Any) -> str:
    """Return a folder that says that it was trained from ``base``."""
    config = TrainSftConfig(workspace=workspace.uri, model=base, **options)
    return workspace.open(config).begin_rows(Question, []).finish()
