"""The whole method: from two chat models and some questions to a dataset of new questions and checked answers."""

from kfp import dsl

from pipelines.figure import figure
from pipelines.loop_values import as_text
from pipelines.make_dataset import made_dataset, synthesized
from pipelines.parameters import WholeFigure
from pipelines.seed_questions import benchmark_questions, seed_questions
from pipelines.train_question_generator import trained_generator
from pipelines.train_solver import compared_solver


@figure("scalequest")
def scalequest(run: WholeFigure) -> None:
    """Train question generators and let them write; filter, answer, keep the best; then train solvers, if any."""
    seeds, benchmarks = seed_questions(run), benchmark_questions(run)
    with dsl.ParallelFor(run.generators, name="each-generator") as generator:
        trained = trained_generator(run, generator, seeds)
        questions = synthesized(run, generator, trained)
    dataset = made_dataset(run, as_text(dsl.Collected(questions)), seeds, benchmarks)
    with dsl.ParallelFor(run.solvers, name="each-solver") as solver:
        compared_solver(run, solver, examples=dataset, questions=benchmarks)
