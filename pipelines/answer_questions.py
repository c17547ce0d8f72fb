"""The figure's boxes "response generation" and "reward filtering"."""

from kfp import dsl

from components.generate_responses.component import generate_responses
from components.import_model.component import import_model
from components.score_responses.component import score_responses
from components.select_responses.component import select_responses
from components.train_scorer.component import train_scorer
from pipelines.boxes import box
from pipelines.fan_out import as_text
from pipelines.resources import on_cpu, on_inference_gpus, on_training_gpus


@dsl.pipeline(name="obtain-reward-model")
def obtain_reward_model(
    workspace: str,
    fail_rates: str,
    reward_model: str,
    reward_chat_template: str,
    solver: str,
    scorer_epochs: int,
    scorer_batch_size: int,
    scorer_max_examples: int,
    scorer_learning_rate: float,
    parallelism: str,
    seed: int,
    training_gpus: str,
) -> str:
    """Import the reward model that is given; where none is, train one from the solver on its verified answers."""
    with dsl.If(reward_model == ""):
        base = on_cpu(import_model(workspace=workspace, source=solver))
        trained = train_scorer(
            workspace=workspace,
            examples=fail_rates,
            model=base.outputs["folder"],
            target="reward",
            chat_template=reward_chat_template,
            epochs=scorer_epochs,
            batch_size=scorer_batch_size,
            max_examples=scorer_max_examples,
            learning_rate=scorer_learning_rate,
            parallelism=parallelism,
            seed=seed,
        )
        on_training_gpus(trained, training_gpus)
    with dsl.Else():
        imported = on_cpu(import_model(workspace=workspace, source=reward_model, kind="base"))
    return dsl.OneOf(trained.outputs["folder"], imported.outputs["folder"])


@dsl.pipeline(name="generate-answers")
def generate_answers(
    workspace: str,
    questions: str,
    solver: str,
    solver_chat_template: str,
    num_responses: int,
    num_solver_examples: int,
    solver_top_p: float,
    solver_max_tokens: int,
    engine: str,
    seed: int,
    rows_per_part: int,
    shards: list[int],
    num_shards: int,
    inference_gpus: str,
) -> list[str]:
    """Let the solver answer each question several times; returns the folder of responses."""
    model = on_cpu(import_model(workspace=workspace, source=solver))
    with dsl.ParallelFor(shards) as shard:
        answered = generate_responses(
            workspace=workspace,
            questions=questions,
            model=model.outputs["folder"],
            chat_template=solver_chat_template,
            num_samples=num_responses,
            num_examples=num_solver_examples,
            top_p=solver_top_p,
            max_tokens=solver_max_tokens,
            engine=engine,
            seed=seed,
            rows_per_part=rows_per_part,
            num_shards=num_shards,
            shard=shard,
        )
        on_inference_gpus(answered, inference_gpus)
    return dsl.Collected(answered.outputs["folder"])


@dsl.pipeline(name="answer-questions")
def answer_questions(
    workspace: str,
    questions: str,
    fail_rates: str,
    solver: str,
    solver_chat_template: str,
    num_responses: int,
    num_solver_examples: int,
    solver_top_p: float,
    solver_max_tokens: int,
    reward_model: str,
    reward_chat_template: str,
    scorer_epochs: int,
    scorer_batch_size: int,
    scorer_max_examples: int,
    scorer_learning_rate: float,
    parallelism: str,
    scorer_engine: str,
    engine: str,
    seed: int,
    rows_per_part: int,
    shards: list[int],
    num_shards: int,
    inference_gpus: str,
    training_gpus: str,
) -> str:
    """Answer each question several times and keep the answer with the best reward."""
    parameters = dict(locals())
    answers = box(generate_answers, parameters, questions=questions)
    reward = box(obtain_reward_model, parameters, fail_rates=fail_rates)
    with dsl.ParallelFor(shards) as shard:
        scored = score_responses(
            workspace=workspace,
            responses=as_text(answers.output),
            reward_model=reward.output,
            chat_template=reward_chat_template,
            scorer_engine=scorer_engine,
            num_shards=num_shards,
            shard=shard,
        )
        on_inference_gpus(scored, inference_gpus)
    best = select_responses(workspace=workspace, responses=as_text(dsl.Collected(scored.outputs["folder"])))
    return on_cpu(best).outputs["folder"]
