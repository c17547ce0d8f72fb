"""The stages "response generation" and "reward filtering"."""

from typing import Any

from kfp import dsl

from pipelines.imported_models import imported_model
from pipelines.parameters import Answering, Responding, Rewarding
from pipelines.resources import on_cpu, on_inference_gpus
from pipelines.tasks import task_of
from pipelines.trained_scorers import trained_scorer

generate_responses = task_of("generate_responses")
score_responses = task_of("score_responses")
select_responses = task_of("select_responses")


def obtain_reward_model(run: Answering, *, fail_rates: str) -> str:
    """Import the given reward model; if there is none, train one from the solver on its verified answers."""
    with dsl.If(run.reward_model == ""):
        base = imported_model(run, run.solver, run.reward_chat_template)
        trained = trained_scorer(
            run, examples=fail_rates, model=base, target="reward", chat_template=run.reward_chat_template
        )
    with dsl.Else():
        imported = imported_model(run, run.reward_model, run.reward_chat_template)
    return dsl.OneOf(trained, imported)


def answered(run: Responding, *, questions: Any, **by: Any) -> Any:
    """Answer each question several times; ``by``: the model, and where it runs."""
    return generate_responses(
        run,
        questions=questions,
        num_samples=run.num_responses,
        num_examples=run.num_solver_examples,
        top_p=run.solver_top_p,
        max_tokens=run.solver_max_tokens,
        seed=run.seed,
        rows_per_part=run.rows_per_part,
        **by,
    )


def generate_answers(run: Responding, *, questions: Any, solver: Any) -> Any:
    """Let the solver answer each question several times; returns the folder of responses."""
    task = answered(run, questions=questions, model=solver, chat_template=run.solver_chat_template, engine=run.engine)
    return on_inference_gpus(task, run).outputs["folder"]


def scored(run: Rewarding, *, responses: Any, reward_model: Any) -> Any:
    """Give each response its reward; returns the folder of responses."""
    task = score_responses(
        run,
        responses=responses,
        reward_model=reward_model,
        chat_template=run.reward_chat_template,
        scorer_engine=run.scorer_engine,
    )
    return on_inference_gpus(task, run).outputs["folder"]


def keep_best_answers(run: Answering, *, questions: Any, solver: Any, fail_rates: Any) -> Any:
    """Answer each question several times and keep the answer with the best reward; returns their folder."""
    answers = generate_answers(run, questions=questions, solver=solver)
    reward_model = obtain_reward_model(run, fail_rates=fail_rates)
    rewarded = scored(run, responses=answers, reward_model=reward_model)
    best = select_responses(run, responses=rewarded)
    return on_cpu(best, run).outputs["folder"]
