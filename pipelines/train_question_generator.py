"""Training of generators: a chat model learns to write questions, then to prefer solvable and difficult ones."""

from __future__ import annotations

from typing import Any

from kfp import dsl

from pipelines.figure import figure
from pipelines.parameters import Generators
from pipelines.seed_questions import seed_questions
from pipelines.tasks import task_of

fine_tune = task_of("train_sft", "QFT")
sample = task_of("generate_questions", "Sample questions")
rewrite = task_of("build_preferences", "Preferences")
prefer = task_of("train_dpo", "QPO")


def trained_generator(run: Generators, generator: Any, seeds: Any) -> Any:
    """Question fine-tuning, preference data, question preference optimisation; returns the trained model's folder."""
    chat_template, nodes = generator.chat_template, run.hardware["training_nodes"]
    tuned = fine_tune(
        run,
        examples=seeds,
        model=generator.model,
        objective="question",
        chat_template=chat_template,
        num_nodes=nodes,
        seed=run.seed,
    )
    sampled = sample(
        run,
        model=tuned,
        generator=generator.source,
        chat_template=chat_template,
        num_questions=run.generator_num_preferences,
        engine=run.engine,
        seed=run.seed,
    )
    pairs = rewrite(
        run, questions=sampled, model=run.rewriter, endpoint=run.rewriter_endpoint, engine=run.engine, seed=run.seed
    )
    return prefer(run, pairs=pairs, model=tuned, chat_template=chat_template, num_nodes=nodes, seed=run.seed)


@figure("train-question-generator")
def train_question_generator(run: Generators) -> None:
    """Train question generators, on questions and then on preferences."""
    seeds = seed_questions(run)
    with dsl.ParallelFor(run.generators, name="each-generator") as generator:
        trained_generator(run, generator, seeds)
