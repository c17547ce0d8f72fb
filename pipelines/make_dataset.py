"""The right column of the figure: questions are written, filtered and answered, and the best answers packed."""

from __future__ import annotations

from typing import Any

from pipelines.filter_questions import filtered
from pipelines.parameters import DatasetMaking, QuestionGeneration
from pipelines.tasks import task_of

synthesize = task_of("generate_questions", "Synthesize")
measure_fail_rate = task_of("measure_fail_rate", "Fail rates")
generate_responses = task_of("generate_responses", "Answers")
train_reward_model = task_of("train_scorer", "Reward model")
score_responses = task_of("score_responses", "Rewards")
select_responses = task_of("select_responses", "Best of n")
package_dataset = task_of("package_dataset", "Dataset")


def synthesized(run: QuestionGeneration, generator: Any, model: Any) -> Any:
    """Let one trained generator write questions, from nothing but the bare user prefix; returns their folder."""
    return synthesize(
        run,
        model=model,
        generator=generator.source,
        chat_template=generator.chat_template,
        num_questions=run.generator_num_questions,
        engine=run.engine,
        seed=run.seed,
    )


def fail_rates(run: DatasetMaking, seeds: Any) -> Any:
    """Let a solver answer the seed questions several times; returns the folder with the share that it got wrong."""
    return measure_fail_rate(
        run,
        questions=seeds,
        model=run.difficulty_solver,
        engine=run.engine,
        seed=run.seed,
    )


def answered(run: DatasetMaking, questions: Any, rates: Any) -> Any:
    """Answer each question several times and keep the answer with the best reward; returns their folder."""
    responses = generate_responses(
        run,
        questions=questions,
        model=run.solver,
        num_samples=run.solver_num_responses,
        chat_template=run.solver_chat_template,
        engine=run.engine,
        seed=run.seed,
    )
    reward_model = train_reward_model(
        run,
        result=run.reward_model,  # which is trained only where none is given
        examples=rates,
        model=run.solver,
        target="reward",
        num_nodes=run.hardware["training_nodes"],
        seed=run.seed,
    )
    rewarded = score_responses(run, responses=responses, reward_model=reward_model)
    return select_responses(run, responses=rewarded)


def made_dataset(run: DatasetMaking, questions: Any, seeds: Any, benchmarks: Any) -> Any:
    """Make a dataset of new questions; returns its folder.

    The solver judges and answers them. The scorers are trained on the seed questions, whose answers are known.
    """
    rates = fail_rates(run, seeds)
    best = answered(run, filtered(run, questions, rates, benchmarks), rates)
    return package_dataset(run, responses=best, price_per_gpu_hour=run.hardware["gpu_hour_price"])
