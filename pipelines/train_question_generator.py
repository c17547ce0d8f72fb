"""The figure's left column: a chat model learns to write questions, then to prefer solvable and difficult ones."""

from kfp import dsl

from components.build_preferences.component import build_preferences
from components.generate_questions.component import generate_questions
from components.import_model.component import import_model
from components.train_dpo.component import train_dpo
from components.train_sft.component import train_sft
from pipelines.boxes import box
from pipelines.resources import on_cpu, on_inference_gpus, on_training_gpus


@dsl.pipeline(name="rewrite-questions")
def rewrite_questions(
    workspace: str,
    questions: str,
    rewriter: str,
    rewriter_chat_template: str,
    rewriter_endpoint: str,
    rewrite_max_tokens: int,
    engine: str,
    seed: int,
    inference_gpus: str,
) -> str:
    """Pair each question with a better version, by a model of our own or by the endpoint that is given."""
    with dsl.If(rewriter_endpoint == ""):
        model = on_cpu(import_model(workspace=workspace, source=rewriter))
        by_model = build_preferences(
            workspace=workspace,
            questions=questions,
            model=model.outputs["folder"],
            engine=engine,
            chat_template=rewriter_chat_template,
            max_tokens=rewrite_max_tokens,
            seed=seed,
        )
        on_inference_gpus(by_model, inference_gpus)
    with dsl.Else():
        by_endpoint = build_preferences(
            workspace=workspace,
            questions=questions,
            model=rewriter,
            engine="openai",
            endpoint=rewriter_endpoint,
            max_tokens=rewrite_max_tokens,
            seed=seed,
        )
        on_cpu(by_endpoint)
    return dsl.OneOf(by_model.outputs["folder"], by_endpoint.outputs["folder"])


@dsl.pipeline(name="train-question-generator")
def train_question_generator(
    workspace: str,
    name: str,
    model: str,
    chat_template: str,
    questions: str,
    qft_epochs: int,
    qft_learning_rate: float,
    qft_batch_size: int,
    num_preference_questions: int,
    question_top_p: float,
    question_max_tokens: int,
    rewriter: str,
    rewriter_chat_template: str,
    rewriter_endpoint: str,
    rewrite_max_tokens: int,
    qpo_learning_rate: float,
    qpo_batch_size: int,
    engine: str = "vllm",
    seed: int = 0,
    parallelism: str = "none",
    inference_gpus: str = "1",
    training_gpus: str = "8",
) -> str:
    """Question fine-tuning, preference data, question preference optimisation; returns the trained model's folder."""
    parameters = dict(locals())
    base = on_cpu(import_model(workspace=workspace, source=model))
    qft = train_sft(
        workspace=workspace,
        examples=questions,
        model=base.outputs["folder"],
        objective="question",
        chat_template=chat_template,
        epochs=qft_epochs,
        learning_rate=qft_learning_rate,
        batch_size=qft_batch_size,
        parallelism=parallelism,
        seed=seed,
    )
    on_training_gpus(qft, training_gpus)
    sampled = generate_questions(
        workspace=workspace,
        model=qft.outputs["folder"],
        generator=name,
        chat_template=chat_template,
        num_questions=num_preference_questions,
        top_p=question_top_p,
        max_tokens=question_max_tokens,
        engine=engine,
        seed=seed,
    )
    on_inference_gpus(sampled, inference_gpus)
    preferences = box(rewrite_questions, parameters, questions=sampled.outputs["folder"])
    qpo = train_dpo(
        workspace=workspace,
        pairs=preferences.output,
        model=qft.outputs["folder"],
        chat_template=chat_template,
        learning_rate=qpo_learning_rate,
        batch_size=qpo_batch_size,
        parallelism=parallelism,
        seed=seed,
    )
    return on_training_gpus(qpo, training_gpus).outputs["folder"]
