"""The end of every pipeline: questions are filtered and answered, and the best answers packed."""

from typing import Any

from pipelines.best_answers import keep_best_answers
from pipelines.filter_questions import filter_questions
from pipelines.imported_models import imported_model
from pipelines.parameters import DatasetMaking
from pipelines.resources import on_cpu
from pipelines.seed_questions import measure_fail_rates
from pipelines.tasks import task_of

package_dataset = task_of("package_dataset")


def make_dataset(run: DatasetMaking, *, questions: Any, seed_questions: Any) -> Any:
    """Make a dataset of new questions; returns its folder.

    The solver judges and answers them. The scorers are trained on the seed questions, whose answers are known.
    """
    solver = imported_model(run, run.solver, run.solver_chat_template)
    fail_rates = measure_fail_rates(run, questions=seed_questions)
    filtered = filter_questions(run, questions=questions, solver=solver, fail_rates=fail_rates)
    answered = keep_best_answers(run, questions=filtered, solver=solver, fail_rates=fail_rates)
    dataset = package_dataset(run, responses=answered)
    return on_cpu(dataset, run).outputs["folder"]
