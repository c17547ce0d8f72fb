"""The figure's right column: questions from trained generators, filtered, answered, and the best answers kept."""

from kfp import dsl

from pipelines.boxes import box
from pipelines.fan_out import as_text
from pipelines.make_dataset import make_dataset
from pipelines.seed_questions import import_seed_questions
from pipelines.synthesize_questions import synthesize_questions


@dsl.pipeline(name="construct-dataset")
def construct_dataset(
    workspace: str,
    generators: list[dict[str, str]],
    seed_questions: list[dict[str, str]],
    num_seed_questions: int,
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
    """Let trained generators (source, model, chat_template) write questions, and make a dataset of them."""
    parameters = dict(locals())
    seeds = box(import_seed_questions, parameters)
    with dsl.ParallelFor(generators) as generator:
        synthesized = box(
            synthesize_questions,
            parameters,
            name=generator.source,
            model=generator.model,
            chat_template=generator.chat_template,
        )
    box(
        make_dataset,
        parameters,
        questions=as_text(dsl.Collected(synthesized.output)),
        seed_questions=as_text(seeds.output),
    )
