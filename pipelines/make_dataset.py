"""What both columns of the figure end in: questions filtered, answered, and the best answers packed."""

from kfp import dsl

from components.package_dataset.component import package_dataset
from pipelines.answer_questions import answer_questions
from pipelines.boxes import box
from pipelines.fan_out import as_text
from pipelines.filter_questions import filter_questions
from pipelines.resources import on_cpu
from pipelines.seed_questions import measure_fail_rates


@dsl.pipeline(name="make-dataset")
def make_dataset(
    workspace: str,
    questions: str,
    seed_questions: str,
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
    engine: str,
    seed: int,
    rows_per_part: int,
    shards: list[int],
    num_shards: int,
    parallelism: str,
    inference_gpus: str,
    training_gpus: str,
) -> str:
    """Make a dataset of new questions; the seed questions, whose answers are known, train what measures them."""
    parameters = dict(locals())
    fail_rates = box(measure_fail_rates, parameters, questions=seed_questions)
    filtered = box(filter_questions, parameters, questions=questions, fail_rates=as_text(fail_rates.output))
    answered = box(answer_questions, parameters, questions=filtered.output, fail_rates=as_text(fail_rates.output))
    dataset = package_dataset(workspace=workspace, responses=answered.output)
    return on_cpu(dataset).outputs["folder"]
