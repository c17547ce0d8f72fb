"""Answers to questions of your own: several to each, by a model or behind an endpoint, and a dataset of the best."""

from pipelines.figure import figure
from pipelines.parameters import OwnQuestions
from pipelines.tasks import task_of

import_questions = task_of("import_questions", "Questions")
filter_solvability = task_of("filter_solvability", "Solvable")
generate_responses = task_of("generate_responses", "Answers")
score_responses = task_of("score_responses", "Rewards")
select_responses = task_of("select_responses", "Best of n")
package_dataset = task_of("package_dataset", "Dataset")


@figure("answer-questions")
def answer_questions(run: OwnQuestions) -> None:
    """Answer questions of your own, and make a dataset of the best answers."""
    questions = import_questions(
        run,
        source=run.questions,
        question_column=run.question_column,
        answer_column=run.answer_column,
        keep_columns=True,
        keep_repeated=True,
        seed=run.seed,
    )
    asked = {
        "chat_template": run.solver_chat_template,
        "engine": run.engine,
        "endpoint": run.solver_endpoint,
    }
    solvable = filter_solvability(run, questions=questions, model=run.judge, result_without_model=questions, **asked)
    responses = generate_responses(
        run, questions=solvable, model=run.solver, num_samples=run.solver_num_responses, seed=run.seed, **asked
    )
    rewarded = score_responses(
        run,
        responses=responses,
        reward_model=run.reward_model,
        result_without_model=responses,
    )
    best = select_responses(run, responses=rewarded, by=run.select_by)
    package_dataset(run, responses=best, price_per_gpu_hour=run.hardware["gpu_hour_price"])
