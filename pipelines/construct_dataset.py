"""Construction of the dataset: questions from trained generators, filtered, answered, and the best answers kept."""

from kfp import dsl

from pipelines.boxes import box
from pipelines.loop_values import as_text
from pipelines.make_dataset import make_dataset
from pipelines.parameters import Construction
from pipelines.seed_questions import import_seed_questions
from pipelines.synthesize_questions import synthesized


@box("construct-dataset")
def construct_dataset(run: Construction) -> None:
    """Let trained generators write questions, and make a dataset of them."""
    seeds = as_text(import_seed_questions(run))
    with dsl.ParallelFor(run.trained_generators) as generator:
        questions = synthesized(
            run, name=generator.source, model=generator.model, chat_template=generator.chat_template
        )
    make_dataset(run, questions=as_text(dsl.Collected(questions)), seed_questions=seeds)
