"""Training of solvers on a dataset, and what it is worth: their scores on benchmarks, before and after."""

from __future__ import annotations

from typing import Any, NamedTuple

from kfp import dsl

from pipelines.figure import figure
from pipelines.loop_values import as_number, as_text
from pipelines.parameters import Solvers, SolverTraining, TrainingExamples
from pipelines.seed_questions import benchmark_questions
from pipelines.tasks import task_of

import_examples = task_of("import_questions", "Examples")
train = task_of("train_sft", "Solver")
evaluate_before = task_of("evaluate", "Before")
evaluate_after = task_of("evaluate", "After")
find_contamination = task_of("find_contamination", "Contamination")
compare_solvers = task_of("compare_solvers", "Comparison")


class Evaluations(NamedTuple):
    """Folders of evaluations of one solver."""

    before: Any
    after: Any


def training_examples(run: TrainingExamples) -> Any:
    """Import every source of questions with responses; returns their folders."""
    with dsl.ParallelFor(run.training_examples, name="each-source") as source:
        examples = import_examples(
            run,
            source=source.source,
            question_column=source.question_column,
            answer_column="none",
            response_column=source.response_column,
            num_questions=run.training_num_examples,
            seed=run.seed,
        )
    return as_text(dsl.Collected(examples))


def trained_solver(run: Solvers, solver: Any, *, examples: Any, questions: Any) -> Evaluations:
    """Train a model on questions and responses; it answers the same questions before and after, asked alike."""
    asked = {
        "questions": questions,
        "chat_template": solver.chat_template,
        "engine": run.engine,
        "seed": run.seed,
    }
    trained = train(
        run,
        examples=examples,
        model=solver.model,
        objective="response",
        chat_template=solver.chat_template,
        learning_rate=as_number(solver.learning_rate),
        num_nodes=run.hardware["training_nodes"],
        seed=run.seed,
    )
    return Evaluations(
        before=evaluate_before(run, model=solver.model, **asked),
        after=evaluate_after(run, model=trained, **asked),
    )


def compared(run: Solvers, scores: Evaluations, *, examples: Any, questions: Any) -> None:
    """Put the scores of solvers into a table: what the trainings changed, and how many questions the examples hold."""
    found = find_contamination(run, questions=questions, training=examples)
    compare_solvers(run, evaluations=scores.after, before=scores.before, contamination=found)


def compared_solver(run: Solvers, solver: Any, *, examples: Any, questions: Any) -> None:
    """Train one solver, where there may be none: it has a table of its own."""
    # One table for all would read what the loop over solvers collects. Over no solvers it collects nothing, the tasks
    # behind it run all the same and have no input; and a condition that leaves them out can compare text, but no lists.
    scores = trained_solver(run, solver, examples=examples, questions=questions)
    compared(run, scores, examples=examples, questions=questions)


@figure("train-solver")
def train_solver(run: SolverTraining) -> None:
    """Train solvers on a dataset, and compare their scores with those of the models that they were."""
    examples = training_examples(run)
    questions = benchmark_questions(run)
    with dsl.ParallelFor(run.solvers, name="each-solver") as solver:
        scores = trained_solver(run, solver, examples=examples, questions=questions)
    before, after = (as_text(dsl.Collected(folders)) for folders in scores)
    compared(run, Evaluations(before=before, after=after), examples=examples, questions=questions)
