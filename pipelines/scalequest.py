"""The whole method: from two chat models and some questions to a dataset of new questions and checked answers."""

from kfp import dsl

from pipelines.boxes import box
from pipelines.loop_values import as_number, as_text
from pipelines.make_dataset import make_dataset
from pipelines.parameters import WholeFigure
from pipelines.seed_questions import import_seed_questions
from pipelines.synthesize_questions import synthesized
from pipelines.train_question_generator import trained_generator
from pipelines.train_solver import train_and_compare_solver


@box("scalequest")
def scalequest(run: WholeFigure) -> None:
    """Train question generators and let them write; filter, answer, keep the best; then train solvers, if any."""
    seeds = as_text(import_seed_questions(run))
    with dsl.ParallelFor(run.generators) as generator:
        name, chat_template = generator.source, generator.chat_template
        trained = trained_generator(run, name=name, model=generator.model, chat_template=chat_template, questions=seeds)
        questions = synthesized(run, name=name, model=trained, chat_template=chat_template)
    dataset = make_dataset(run, questions=as_text(dsl.Collected(questions)), seed_questions=seeds)
    with dsl.ParallelFor(run.solvers) as solver:
        train_and_compare_solver(
            run,
            model=solver.model,
            chat_template=solver.chat_template,
            learning_rate=as_number(solver.learning_rate),
            examples=dataset,
        )
