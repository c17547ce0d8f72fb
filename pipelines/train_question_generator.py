"""Training of a generator: a chat model learns to write questions, then to prefer solvable and difficult ones."""

from typing import Any, cast

from kfp import dsl

from pipelines.boxes import box
from pipelines.imported_models import imported_model
from pipelines.parameters import GeneratorTraining, Rewriting
from pipelines.resources import on_cpu_with_endpoint, on_inference_gpus, on_training_gpus
from pipelines.tasks import task_of

build_preferences = task_of("build_preferences")
generate_questions = task_of("generate_questions")
train_dpo = task_of("train_dpo")
train_sft = task_of("train_sft")


def rewrite_questions(run: Rewriting, *, questions: str) -> str:
    """Pair each question with a better version, by a model of our own or by the endpoint that is given."""
    with dsl.If(run.rewriter_endpoint == ""):
        model = imported_model(run, run.rewriter, run.rewriter_chat_template)
        by_model = build_preferences(
            run,
            questions=questions,
            model=model,
            engine=run.engine,
            chat_template=run.rewriter_chat_template,
            max_tokens=run.rewrite_max_tokens,
            seed=run.seed,
        )
        on_inference_gpus(by_model, run)
    with dsl.Else():
        by_endpoint = build_preferences(
            run,
            questions=questions,
            model=run.rewriter,
            engine="openai",
            endpoint=run.rewriter_endpoint,
            max_tokens=run.rewrite_max_tokens,
            seed=run.seed,
        )
        on_cpu_with_endpoint(by_endpoint, run)
    return dsl.OneOf(by_model.outputs["folder"], by_endpoint.outputs["folder"])


def _fine_tuned(run: GeneratorTraining, model: str, chat_template: str, questions: str) -> Any:
    """Question fine-tuning; returns its task."""
    qft = train_sft(
        run,
        examples=questions,
        model=model,
        objective="question",
        chat_template=chat_template,
        epochs=run.qft_epochs,
        learning_rate=run.qft_learning_rate,
        batch_size=run.qft_batch_size,
        parallelism=run.parallelism,
        num_nodes=run.training_nodes,
        seed=run.seed,
    )
    return on_training_gpus(qft, run)


def trained_generator(run: GeneratorTraining, *, name: str, model: str, chat_template: str, questions: Any) -> Any:
    """Question fine-tuning, preference data, question preference optimisation; returns the trained model's folder."""
    qft = _fine_tuned(run, imported_model(run, model, chat_template), chat_template, questions)
    sampled = generate_questions(
        run,
        model=qft.outputs["folder"],
        generator=name,
        chat_template=chat_template,
        num_questions=run.num_preference_questions,
        top_p=run.question_top_p,
        max_tokens=run.question_max_tokens,
        engine=run.engine,
        seed=run.seed,
    )
    on_inference_gpus(sampled, run)
    qpo = train_dpo(
        run,
        pairs=rewrite_questions(run, questions=sampled.outputs["folder"]),
        model=qft.outputs["folder"],
        chat_template=chat_template,
        learning_rate=run.qpo_learning_rate,
        batch_size=run.qpo_batch_size,
        parallelism=run.parallelism,
        num_nodes=run.training_nodes,
        seed=run.seed,
    )
    return on_training_gpus(qpo, run).outputs["folder"]


@box("train-question-generator")
def train_question_generator(
    run: GeneratorTraining, *, name: str, model: str, chat_template: str, questions: str
) -> str:
    """Question fine-tuning, preference data, question preference optimisation; returns the trained model's folder."""
    return cast(str, trained_generator(run, name=name, model=model, chat_template=chat_template, questions=questions))
