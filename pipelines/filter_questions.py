"""The figure's box "question filtering": language, duplicates, solvability, difficulty."""

from importlib import import_module

from kfp import dsl

from components.filter_solvability.component import filter_solvability
from components.import_model.component import import_model
from components.sample_difficulty.component import sample_difficulty
from components.score_difficulty.component import score_difficulty
from components.train_scorer.component import train_scorer
from pipelines.boxes import box
from pipelines.fan_out import as_text
from pipelines.resources import on_cpu, on_inference_gpus, on_training_gpus

# The steps that need no model, in this order; each takes a folder of questions and keeps some of them.
CPU_FILTERS = (
    "filter_language",
    "deduplicate",
)


@dsl.pipeline(name="keep-solvable-questions")
def keep_solvable_questions(
    workspace: str,
    questions: str,
    solver: str,
    solver_chat_template: str,
    solver_max_tokens: int,
    engine: str,
    rows_per_part: int,
    shards: list[int],
    num_shards: int,
    inference_gpus: str,
) -> list[str]:
    """Keep the questions that the solver, as a judge, finds solvable; returns their folder."""
    judge = on_cpu(import_model(workspace=workspace, source=solver))
    with dsl.ParallelFor(shards) as shard:
        judged = filter_solvability(
            workspace=workspace,
            questions=questions,
            model=judge.outputs["folder"],
            chat_template=solver_chat_template,
            max_tokens=solver_max_tokens,
            engine=engine,
            rows_per_part=rows_per_part,
            num_shards=num_shards,
            shard=shard,
        )
        on_inference_gpus(judged, inference_gpus)
    return dsl.Collected(judged.outputs["folder"])


@dsl.pipeline(name="keep-difficult-questions")
def keep_difficult_questions(
    workspace: str,
    questions: str,
    fail_rates: str,
    difficulty_base: str,
    scorer_epochs: int,
    scorer_batch_size: int,
    scorer_max_examples: int,
    scorer_learning_rate: float,
    parallelism: str,
    scorer_engine: str,
    difficulty_sources: str,
    minimum_difficulty: float,
    seed: int,
    rows_per_part: int,
    shards: list[int],
    num_shards: int,
    inference_gpus: str,
    training_gpus: str,
) -> str:
    """Predict each question's fail rate from measured ones, and thin out the easy questions."""
    base = on_cpu(import_model(workspace=workspace, source=difficulty_base, kind="base"))
    scorer = train_scorer(
        workspace=workspace,
        examples=fail_rates,
        model=base.outputs["folder"],
        target="difficulty",
        epochs=scorer_epochs,
        batch_size=scorer_batch_size,
        max_examples=scorer_max_examples,
        learning_rate=scorer_learning_rate,
        parallelism=parallelism,
        seed=seed,
    )
    on_training_gpus(scorer, training_gpus)
    with dsl.ParallelFor(shards) as shard:
        scored = score_difficulty(
            workspace=workspace,
            questions=questions,
            scorer=scorer.outputs["folder"],
            scorer_engine=scorer_engine,
            rows_per_part=rows_per_part,
            num_shards=num_shards,
            shard=shard,
        )
        on_inference_gpus(scored, inference_gpus)
    kept = sample_difficulty(
        workspace=workspace,
        questions=as_text(dsl.Collected(scored.outputs["folder"])),
        sources=difficulty_sources,
        minimum=minimum_difficulty,
        seed=seed,
    )
    return on_cpu(kept).outputs["folder"]


@dsl.pipeline(name="filter-questions")
def filter_questions(
    workspace: str,
    questions: str,
    fail_rates: str,
    solver: str,
    solver_chat_template: str,
    solver_max_tokens: int,
    difficulty_base: str,
    scorer_epochs: int,
    scorer_batch_size: int,
    scorer_max_examples: int,
    scorer_learning_rate: float,
    parallelism: str,
    scorer_engine: str,
    difficulty_sources: str,
    minimum_difficulty: float,
    engine: str,
    seed: int,
    rows_per_part: int,
    shards: list[int],
    num_shards: int,
    inference_gpus: str,
    training_gpus: str,
) -> str:
    """Keep English mathematics, once each, that can be solved and is not too easy."""
    parameters = dict(locals())
    for name in CPU_FILTERS:
        component = getattr(import_module(f"components.{name}.component"), name)
        questions = on_cpu(component(workspace=workspace, questions=questions)).outputs["folder"]
    solvable = box(keep_solvable_questions, parameters, questions=questions)
    difficult = box(keep_difficult_questions, parameters, questions=as_text(solvable.output), fail_rates=fail_rates)
    return difficult.output
