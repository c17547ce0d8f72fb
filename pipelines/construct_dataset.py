"""Construction of the dataset: questions from trained generators, filtered, answered, and the best answers kept."""

from kfp import dsl

from pipelines.figure import figure
from pipelines.loop_values import as_text
from pipelines.make_dataset import made_dataset, synthesized
from pipelines.parameters import Construction
from pipelines.seed_questions import benchmark_questions, seed_questions


@figure("construct-dataset")
def construct_dataset(run: Construction) -> None:
    """Let trained generators write questions, and make a dataset of them."""
    seeds = seed_questions(run)
    with dsl.ParallelFor(run.trained_generators, name="each-generator") as generator:
        questions = synthesized(run, generator, generator.model)
    made_dataset(run, as_text(dsl.Collected(questions)), seeds, benchmark_questions(run))
