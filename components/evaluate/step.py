"""Let a solver answer questions whose answers are known, and count how many it gets right."""

from __future__ import annotations

import dataclasses

from components.evaluate.config import EvaluateConfig
from components.evaluate.groups import groups_of
from components.evaluate.marking import evaluated, evaluation
from components.evaluate.measures import figures_of
from components.evaluate.prompt import check_prompts, prompts_of
from components.shared.engines import Request
from components.shared.engines.asking import Asking, Judgement, ask_about
from components.shared.engines.solving import SolverPrompt, sampling_of
from components.shared.errors import InputError
from components.shared.filters import Verdict
from components.shared.records import Evaluation, Question
from components.shared.texts.math_answers import AnswerChecker
from components.shared.workspace import Workspace
from components.shared.workspace.rows import Rows


def run(config: EvaluateConfig, workspace: Workspace) -> str:
    """Answer each question and compare with its known answer; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    with AnswerChecker() as checker:
        return ask_about(questions, config, config.model, workspace, lambda: _asking(config, questions, checker))


def check_ahead(config: EvaluateConfig, _: Workspace) -> None:
    """Raise InputError where the prompts cannot be used; for a look before the step is due."""
    check_prompts(config)


def _asking(config: EvaluateConfig, questions: Rows[Question], checker: AnswerChecker) -> Asking[Question]:
    kinds = _kinds_of(questions, config)
    groups = groups_of(kinds)
    texts = prompts_of(config, sorted({each.source for each in kinds}))
    prompts = {source: SolverPrompt(config, text) for source, text in texts.items()}

    def request(question: Question) -> Request[None] | Judgement:
        if question.answer.strip():
            return prompts[question.source].request(question)
        return Judgement(rows=[(evaluation(question), Verdict("no_known_answer"))])

    return Asking(
        record=Evaluation,
        request=request,
        judge=lambda question, completions: evaluated(question, completions, checker, groups),
        # A base that was never trained to end a reply answers, and then writes questions of its own.
        sampling=dataclasses.replace(sampling_of(config), stop_at_next_turn=True),
        num_samples=config.num_samples,
        figures=lambda sums: figures_of(sums, config.num_samples) | groups.figures(sums),
    )


def _kinds_of(questions: Rows[Question], config: EvaluateConfig) -> list[Question]:
    """Return a question of each kind, which stands for all of them: its prompt and groups are the same for all pods.

    Raises InputError where no question can be evaluated.
    """
    kinds = {(each.source, each.subject, each.level): each for each in questions if each.answer.strip()}
    if len(questions) and not kinds:
        raise InputError(
            f"no question of {config.questions} has a known answer; expected questions with answers: import them "
            "with import_questions and name the column of the answers (--answer-column)"
        )
    return list(kinds.values())
