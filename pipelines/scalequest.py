"""The whole figure: from two chat models and some questions to a dataset of new questions and checked answers."""

from kfp import dsl

from pipelines.boxes import box
from pipelines.fan_out import as_text
from pipelines.make_dataset import make_dataset
from pipelines.seed_questions import import_seed_questions
from pipelines.synthesize_questions import synthesize_questions
from pipelines.train_question_generator import train_question_generator


@dsl.pipeline(name="scalequest")
def scalequest(
    workspace: str,
    generators: list[dict[str, str]],
    seed_questions: list[dict[str, str]],
    num_seed_questions: int,
    qft_epochs: int,
    qft_learning_rate: float,
    qft_batch_size: int,
    num_preference_questions: int,
    rewriter: str,
    rewriter_chat_template: str,
    rewriter_endpoint: str,
    rewrite_max_tokens: int,
    qpo_learning_rate: float,
    qpo_batch_size: int,
    num_questions: int,
    question_top_p: float,
    question_max_tokens: int,
    fail_rate_solver: str,
    fail_rate_chat_template: str,
    num_fail_rate_samples: int,
    fail_rate_temperature: float,
    solver: str,
    solver_chat_template: str,
    num_solver_examples: int,
    solver_top_p: float,
    solver_max_tokens: int,
    difficulty_base: str,
    difficulty_sources: str,
    minimum_difficulty: float,
    num_responses: int,
    reward_model: str,
    reward_chat_template: str,
    scorer_epochs: int,
    scorer_batch_size: int,
    scorer_max_examples: int,
    scorer_learning_rate: float,
    scorer_engine: str,
    engine: str = "vllm",
    seed: int = 0,
    rows_per_part: int = 512,
    shards: list[int] = [0],  # noqa: B006 - a pipeline's default is read once, by the compiler
    num_shards: int = 1,
    parallelism: str = "none",
    inference_gpus: str = "1",
    training_gpus: str = "8",
) -> None:
    """Train question generators (source, model, chat_template), let them write; filter, answer, keep the best."""
    parameters = dict(locals())
    seeds = box(import_seed_questions, parameters)
    with dsl.ParallelFor(generators) as generator:
        trained = box(
            train_question_generator,
            parameters,
            name=generator.source,
            model=generator.model,
            chat_template=generator.chat_template,
            questions=as_text(seeds.output),
        )
        synthesized = box(
            synthesize_questions,
            parameters,
            name=generator.source,
            model=trained.output,
            chat_template=generator.chat_template,
        )
    box(
        make_dataset,
        parameters,
        questions=as_text(dsl.Collected(synthesized.output)),
        seed_questions=as_text(seeds.output),
    )
