"""The stage "question filtering": language, duplicates, solvability, difficulty."""

from typing import Any

from pipelines.imported_models import imported_model
from pipelines.parameters import Difficulty, Filtering, Solver
from pipelines.resources import on_cpu, on_inference_gpus
from pipelines.tasks import task_of
from pipelines.trained_scorers import trained_scorer

filter_solvability = task_of("filter_solvability")
sample_difficulty = task_of("sample_difficulty")
score_difficulty = task_of("score_difficulty")

# The steps that need no model, in this order; each reads a folder of questions and keeps some of them.
CPU_FILTERS = (
    "filter_language",
    "deduplicate",
)


def judged(run: Solver, *, questions: str, **by: Any) -> Any:
    """Drop questions that cannot be solved, ``by``: the judge, and where it runs."""
    return filter_solvability(
        run, questions=questions, max_tokens=run.solver_max_tokens, rows_per_part=run.rows_per_part, **by
    )


def keep_solvable_questions(run: Solver, *, questions: Any, model: Any) -> Any:
    """Keep the questions that a judge, asked as the solver is, finds solvable; returns their folder."""
    task = judged(run, questions=questions, model=model, chat_template=run.solver_chat_template, engine=run.engine)
    return on_inference_gpus(task, run).outputs["folder"]


def keep_difficult_questions(run: Difficulty, *, questions: Any, fail_rates: Any) -> Any:
    """Predict each question's fail rate from measured ones, and thin out the easy questions; returns their folder."""
    base = imported_model(run, run.difficulty_base, kind="base")
    scorer = trained_scorer(run, examples=fail_rates, model=base, target="difficulty")
    scored = score_difficulty(
        run,
        questions=questions,
        scorer=scorer,
        scorer_engine=run.scorer_engine,
        rows_per_part=run.rows_per_part,
    )
    on_inference_gpus(scored, run)
    kept = sample_difficulty(
        run,
        questions=scored.outputs["folder"],
        sources=run.difficulty_sources,
        minimum=run.minimum_difficulty,
        seed=run.seed,
    )
    return on_cpu(kept, run).outputs["folder"]


def filter_questions(run: Filtering, *, questions: Any, solver: Any, fail_rates: Any) -> Any:
    """Keep English mathematics, once each, that can be solved and is not too easy; returns the folder of questions."""
    for name in CPU_FILTERS:
        kept = task_of(name)(run, questions=questions)
        questions = on_cpu(kept, run).outputs["folder"]
    solvable = keep_solvable_questions(run, questions=questions, model=solver)
    return keep_difficult_questions(run, questions=solvable, fail_rates=fail_rates)
