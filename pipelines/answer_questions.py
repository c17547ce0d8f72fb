"""Answers to questions of your own: several to each, by a model or behind an endpoint, and a dataset of the best."""

from typing import Any

from kfp import dsl

from pipelines.best_answers import answered, generate_answers, scored
from pipelines.boxes import box
from pipelines.filter_questions import judged, keep_solvable_questions
from pipelines.imported_models import imported_model
from pipelines.parameters import Judging, OwnQuestions, Selecting, Serving
from pipelines.resources import on_cpu, on_cpu_with_endpoint, on_cpu_with_hub
from pipelines.tasks import task_of

import_questions = task_of("import_questions")
package_dataset = task_of("package_dataset")
select_responses = task_of("select_responses")


def answered_by_endpoint(run: Serving, questions: Any) -> Any:
    """Let a served model answer each question several times; returns the folder of responses."""
    task = answered(run, questions=questions, model=run.solver, engine="openai", endpoint=run.solver_endpoint)
    return on_cpu_with_endpoint(task, run).outputs["folder"]


@box("answer-by-model")
def answer_by_model(run: Judging, *, questions: str) -> str:
    """Let models of ours answer, after the judge if there is one; returns the folder of responses."""
    solver = imported_model(run, run.solver, run.solver_chat_template)
    with dsl.If(run.judge == ""):
        of_all = generate_answers(run, questions=questions, solver=solver)
    with dsl.Else():
        judge = imported_model(run, run.judge, run.solver_chat_template)
        solvable = keep_solvable_questions(run, questions=questions, model=judge)
        of_solvable = generate_answers(run, questions=solvable, solver=solver)
    return dsl.OneOf(of_all, of_solvable)


@box("answer-by-endpoint")
def answer_by_endpoint(run: Serving, *, questions: str) -> str:
    """Let served models answer, after the judge if there is one; returns the folder of responses."""
    with dsl.If(run.judge == ""):
        of_all = answered_by_endpoint(run, questions)
    with dsl.Else():
        task = judged(run, questions=questions, model=run.judge, engine="openai", endpoint=run.solver_endpoint)
        of_solvable = answered_by_endpoint(run, on_cpu_with_endpoint(task, run).outputs["folder"])
    return dsl.OneOf(of_all, of_solvable)


@box("obtain-answers")
def obtain_answers(run: Serving, *, questions: str) -> str:
    """Let the solver answer each question several times; returns the folder of responses."""
    with dsl.If(run.solver_endpoint == ""):
        by_model = answer_by_model(run, questions=questions)
    with dsl.Else():
        by_endpoint = answer_by_endpoint(run, questions=questions)
    return dsl.OneOf(by_model, by_endpoint)


@box("select-answers")
def select_answers(run: Selecting, *, responses: str) -> str:
    """Keep the best answer to each question; returns their folder."""
    with dsl.If(run.reward_model == ""):
        without = on_cpu(select_responses(run, responses=responses, by=run.select_by), run)
    with dsl.Else():
        reward_model = imported_model(run, run.reward_model, run.reward_chat_template)
        rewarded = scored(run, responses=responses, reward_model=reward_model)
        by_reward = on_cpu(select_responses(run, responses=rewarded, by=run.select_by), run)
    return dsl.OneOf(without.outputs["folder"], by_reward.outputs["folder"])


@box("answer-questions")
def answer_questions(run: OwnQuestions) -> None:
    """Answer questions of your own, and make a dataset of the best answers."""
    imported = import_questions(
        run,
        source=run.questions,
        question_column=run.question_column,
        answer_column=run.answer_column,
        keep_columns=True,
        keep_repeated=True,
        seed=run.seed,
    )
    on_cpu_with_hub(imported, run)
    answers = obtain_answers(run, questions=imported.outputs["folder"])
    best = select_answers(run, responses=answers)
    on_cpu(package_dataset(run, responses=best), run)
