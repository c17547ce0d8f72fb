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
measure = task_of("measure_fail_rate", "Fail rates")
pair = task_of("pair_questions", "Preferences")
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
    pairs = preference_pairs(run, sampled)
    return prefer(run, pairs=pairs, model=tuned, chat_template=chat_template, num_nodes=nodes, seed=run.seed)


def preference_pairs(run: Generators, questions: Any) -> Any:
    """Pair questions with better ones; returns their folder.

    With their rewrites; or, compiled for a preset that sets options of ``pair_questions``, by fail rates that are
    measured: how often the rewriter, which is a solver then, differs from its own majority.
    """
    asked = {"model": run.rewriter, "endpoint": run.rewriter_endpoint, "engine": run.engine, "seed": run.seed}
    if "pair_questions" not in run.fixed:
        return rewrite(run, questions=questions, **asked)
    rates = measure(run, questions=questions, compare_with="majority", **asked)
    return pair(run, fail_rates=rates, seed=run.seed)


@figure("train-question-generator")
def train_question_generator(run: Generators) -> None:
    """Train question generators, on questions and then on preferences."""
    seeds = seed_questions(run)
    with dsl.ParallelFor(run.generators, name="each-generator") as generator:
        trained_generator(run, generator, seeds)
