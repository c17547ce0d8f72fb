"""The stage "question generation"."""

from kfp import dsl

from pipelines.boxes import box
from pipelines.parameters import QuestionGeneration
from pipelines.resources import on_inference_gpus
from pipelines.tasks import task_of

generate_questions = task_of("generate_questions")


@box("synthesize-questions")
def synthesize_questions(run: QuestionGeneration, *, name: str, model: str, chat_template: str) -> list[str]:
    """Let one trained generator write questions, from nothing but the bare user prefix; returns their folder."""
    with dsl.ParallelFor(run.pods):
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
        on_inference_gpus(generated, run)
    return dsl.Collected(generated.outputs["folder"])
