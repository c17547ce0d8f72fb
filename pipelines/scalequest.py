"""The whole method: from two chat models and some questions to a dataset of new questions and checked answers."""

from kfp import dsl

from pipelines.boxes import box
from pipelines.fan_out import as_text
from pipelines.make_dataset import make_dataset
from pipelines.parameters import WholeFigure
from pipelines.seed_questions import import_seed_questions
from pipelines.synthesize_questions import synthesize_questions
from pipelines.train_question_generator import train_question_generator


@box("scalequest")
def scalequest(run: WholeFigure) -> None:
    """Train question generators and let them write; filter, answer, keep the best."""
    seeds = as_text(import_seed_questions(run))
    with dsl.ParallelFor(run.generators) as generator:
        name, chat_template = generator.source, generator.chat_template
        trained = train_question_generator(
            run, name=name, model=generator.model, chat_template=chat_template, questions=seeds
        )
        questions = synthesize_questions(run, name=name, model=trained, chat_template=chat_template)
    make_dataset(run, questions=as_text(dsl.Collected(questions)), seed_questions=seeds)
