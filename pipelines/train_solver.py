"""Training of solvers on a dataset, and what it is worth: their scores on benchmarks, before and after."""

from typing import Any, NamedTuple

from kfp import dsl

from pipelines.boxes import box
from pipelines.imported_models import imported_model
from pipelines.loop_values import as_number, as_text
from pipelines.parameters import Benchmarks, ScoredTraining, SolverTraining, TrainingExamples
from pipelines.resources import on_cpu, on_cpu_with_hub, on_inference_gpus, on_training_gpus
from pipelines.seed_questions import imported_questions
from pipelines.tasks import task_of

compare_solvers = task_of("compare_solvers")
evaluate = task_of("evaluate")
find_contamination = task_of("find_contamination")
import_questions = task_of("import_questions")
train_sft = task_of("train_sft")


class Evaluations(NamedTuple):
    """Folders of evaluations of one solver."""

    before: str
    after: str


@box("import-training-examples")
def import_training_examples(run: TrainingExamples) -> list[str]:
    """Import every source of questions with responses; returns their folders."""
    with dsl.ParallelFor(run.training_examples) as source:
        imported = import_questions(
            run,
            source=source.source,
            question_column=source.question_column,
            answer_column="none",
            response_column=source.response_column,
            num_questions=run.num_training_examples,
            seed=run.seed,
        )
        on_cpu_with_hub(imported, run)
    return dsl.Collected(imported.outputs["folder"])


@box("import-benchmarks")
def import_benchmarks(run: Benchmarks) -> list[str]:
    """Import the questions that solvers are scored on; returns their folders."""
    return imported_questions(run, run.benchmarks, number=run.num_benchmark_questions, seed=run.benchmark_seed)


def _evaluated(run: ScoredTraining, model: Any, chat_template: str, questions: str) -> Any:
    """Let a model answer the benchmarks; returns the folder of verdicts. One GPU takes half an hour for all four."""
    evaluated = evaluate(
        run,
        questions=questions,
        model=model,
        chat_template=chat_template,
        prompt_file=run.benchmark_prompts,
        engine=run.engine,
        seed=run.seed,
        rows_per_part=run.rows_per_part,
    )
    return on_inference_gpus(evaluated, run).outputs["folder"]


def train_one_solver(
    run: ScoredTraining, *, model: str, chat_template: str, learning_rate: float, examples: str, questions: str
) -> Evaluations:
    """Train a model on questions and responses; it answers the same questions before and after, asked alike."""
    base = imported_model(run, model, chat_template)
    solver = train_sft(
        run,
        examples=examples,
        model=base,
        objective="response",
        chat_template=chat_template,
        epochs=run.sft_epochs,
        learning_rate=learning_rate,
        batch_size=run.sft_batch_size,
        max_tokens=run.sft_max_tokens,
        parallelism=run.parallelism,
        num_nodes=run.training_nodes,
        seed=run.seed,
    )
    on_training_gpus(solver, run)
    return Evaluations(
        before=_evaluated(run, base, chat_template, questions),
        after=_evaluated(run, solver.outputs["folder"], chat_template, questions),
    )


def compared(run: ScoredTraining, scores: Evaluations, examples: str, questions: str) -> None:
    """Put the scores of solvers into a table: what the trainings changed, and how many questions the examples hold."""
    found = on_cpu(find_contamination(run, questions=questions, training=examples), run)
    table = compare_solvers(run, evaluations=scores.after, before=scores.before, contamination=found.outputs["folder"])
    on_cpu(table, run)


def train_and_compare_solver(
    run: ScoredTraining, *, model: str, chat_template: str, learning_rate: float, examples: str
) -> None:
    """Train one solver, where there may be none: it has a table of its own."""
    # One table for all would read what the loop over solvers collects. Over no solvers it collects nothing, the tasks
    # behind it run all the same and have no input; and a condition that leaves them out can compare text, but no lists.
    questions = as_text(import_benchmarks(run))
    scores = train_one_solver(
        run,
        model=model,
        chat_template=chat_template,
        learning_rate=learning_rate,
        examples=examples,
        questions=questions,
    )
    compared(run, scores, examples, questions)


@box("train-solver")
def train_solver(run: SolverTraining) -> None:
    """Train solvers on a dataset, and compare their scores with those of the models that they were."""
    examples = as_text(import_training_examples(run))
    questions = as_text(import_benchmarks(run))
    with dsl.ParallelFor(run.solvers) as solver:
        scores = train_one_solver(
            run,
            model=solver.model,
            chat_template=solver.chat_template,
            learning_rate=as_number(solver.learning_rate),
            examples=examples,
            questions=questions,
        )
    before, after = (as_text(dsl.Collected(folders)) for folders in scores)
    compared(run, Evaluations(before=before, after=after), examples, questions)
