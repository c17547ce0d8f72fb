"""The seed questions, and how often a solver fails on them."""

from typing import Any

from kfp import dsl

from pipelines.boxes import box
from pipelines.imported_models import imported_model
from pipelines.parameters import FailRates, Importing, SeedQuestions
from pipelines.resources import on_cpu_with_hub, on_inference_gpus
from pipelines.tasks import task_of

import_questions = task_of("import_questions")
measure_fail_rate = task_of("measure_fail_rate")


def imported_questions(run: Importing, sources: Any, *, number: int, seed: int) -> list[str]:
    """Import every source of questions with answers, within the box that calls it; returns their folders."""
    with dsl.ParallelFor(sources) as source:
        task = import_questions(
            run,
            source=source.source,
            question_column=source.question_column,
            answer_column=source.answer_column,
            num_questions=number,
            seed=seed,
        )
        on_cpu_with_hub(task, run)
    return dsl.Collected(task.outputs["folder"])


@box("import-seed-questions")
def import_seed_questions(run: SeedQuestions) -> list[str]:
    """Import every source of seed questions; returns their folders."""
    return imported_questions(run, run.seed_questions, number=run.num_seed_questions, seed=run.seed)


def measure_fail_rates(run: FailRates, *, questions: Any) -> Any:
    """Let a solver answer the seed questions several times; returns the folder with the share that it got wrong."""
    solver = imported_model(run, run.fail_rate_solver, run.fail_rate_chat_template)
    measured = measure_fail_rate(
        run,
        questions=questions,
        model=solver,
        chat_template=run.fail_rate_chat_template,
        num_samples=run.num_fail_rate_samples,
        temperature=run.fail_rate_temperature,
        num_examples=run.num_solver_examples,
        top_p=run.solver_top_p,
        max_tokens=run.solver_max_tokens,
        engine=run.engine,
        seed=run.seed,
        rows_per_part=run.rows_per_part,
    )
    return on_inference_gpus(measured, run).outputs["folder"]
