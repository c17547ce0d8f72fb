"""The end of every pipeline: questions are filtered and answered, and the best answers packed."""

from pipelines.best_answers import keep_best_answers
from pipelines.boxes import box
from pipelines.filter_questions import filter_questions
from pipelines.parameters import DatasetMaking
from pipelines.resources import on_cpu
from pipelines.seed_questions import measure_fail_rates
from pipelines.tasks import task_of

package_dataset = task_of("package_dataset")


@box("make-dataset")
def make_dataset(run: DatasetMaking, *, questions: str, seed_questions: str) -> str:
    """Make a dataset of new questions; the scorers are trained on the seed questions, whose answers are known."""
    fail_rates = measure_fail_rates(run, questions=seed_questions)
    filtered = filter_questions(run, questions=questions, fail_rates=fail_rates)
    answered = keep_best_answers(run, questions=filtered, fail_rates=fail_rates)
    dataset = package_dataset(run, responses=answered)
    return on_cpu(dataset, run).outputs["folder"]
