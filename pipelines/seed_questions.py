"""Questions with known answers: seeds, and what solvers are scored on."""

from __future__ import annotations

from typing import Any

from kfp import dsl

from pipelines.loop_values import as_text
from pipelines.parameters import BenchmarkQuestions, Importing, SeedQuestions
from pipelines.tasks import task_of

BENCHMARK_SEED = 1_000_001  # of benchmarks that are generators: whatever the run's, it asks for other questions


def imported_questions(run: Importing, sources: Any, title: str, *, loop: str, number: int, seed: int) -> Any:
    """Import every source of questions with answers; returns their folders."""
    import_questions = task_of("import_questions", title)
    with dsl.ParallelFor(sources, name=loop) as source:
        questions = import_questions(
            run,
            source=source.source,
            question_column=source.question_column,
            answer_column=source.answer_column,
            num_questions=number,
            seed=seed,
        )
    return as_text(dsl.Collected(questions))


def seed_questions(run: SeedQuestions) -> Any:
    """Import every source of seed questions; returns their folders."""
    return imported_questions(
        run,
        run.seed_questions,
        "Seed questions",
        loop="each-source",
        number=run.seed_num_questions,
        seed=run.seed,
    )


def benchmark_questions(run: BenchmarkQuestions) -> Any:
    """Import the questions that solvers are scored on, and that no dataset may hold; returns their folders."""
    return imported_questions(
        run,
        run.benchmarks,
        "Test questions",
        loop="each-benchmark",
        number=run.benchmark_num_questions,
        seed=BENCHMARK_SEED,
    )
