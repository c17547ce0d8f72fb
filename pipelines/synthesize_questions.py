"""The stage "question generation"."""

from typing import Any

from pipelines.parameters import QuestionGeneration
from pipelines.resources import on_inference_gpus
from pipelines.tasks import task_of

generate_questions = task_of("generate_questions")


def synthesized(run: QuestionGeneration, *, name: str, model: Any, chat_template: str) -> Any:
    """Let one trained generator write questions, from nothing but the bare user prefix; returns their folder.

    Within the loop over generators that calls it.
    """
    generated = generate_questions(
        run,
        model=model,
        generator=name,
        chat_template=chat_template,
        num_questions=run.num_questions,
        top_p=run.question_top_p,
        max_tokens=run.question_max_tokens,
        engine=run.engine,
        seed=run.seed,
        rows_per_part=run.rows_per_part,
    )
    return on_inference_gpus(generated, run).outputs["folder"]
