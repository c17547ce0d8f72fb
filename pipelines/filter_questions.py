"""The stage "question filtering": language, duplicates, solvability, difficulty."""

from __future__ import annotations

from typing import Any

from pipelines.parameters import DatasetMaking
from pipelines.tasks import task_of

# The filters that need no model, in this order; each reads a folder of questions and keeps some of them.
CPU_FILTERS = (
    "filter_language",
    "deduplicate",
)
TITLES = {"deduplicate": "Duplicates"}  # of those that are not called by what they look at
LONGEST_TITLE = 16  # characters that Kubeflow's graph shows

decontaminate = task_of("decontaminate", "Benchmarks")
judge_paraphrases = task_of("judge_paraphrases", "Paraphrases")
filter_solvability = task_of("filter_solvability", "Solvable")
train_difficulty_scorer = task_of("train_scorer", "Difficulty model")
score_difficulty = task_of("score_difficulty", "Difficulty")
sample_difficulty = task_of("sample_difficulty", "Difficult enough")


def title_of(step: str) -> str:
    """Return what the graph calls a filter: filter_language is "Language"; ValueError if that is too long to show."""
    title = TITLES.get(step, step.removeprefix("filter_").replace("_", " ").capitalize())
    if len(title) > LONGEST_TITLE:
        raise ValueError(
            f"{title!r}, the title of the filter {step}, has {len(title)} characters, and Kubeflow's graph shows "
            f"{LONGEST_TITLE}; give {step} a shorter one in TITLES"
        )
    return title


def filtered(run: DatasetMaking, questions: Any, rates: Any, benchmarks: Any) -> Any:
    """Keep English mathematics, once each and in no benchmark, that can be solved and is not too easy.

    Compiled for a preset that sets options of ``judge_paraphrases``, a judge also looks for the benchmarks' questions
    in other words. Returns the folder of questions.
    """
    for step in CPU_FILTERS:
        questions = task_of(step, title_of(step))(run, questions=questions)
    judge = {
        "model": run.solver,
        "chat_template": run.solver_chat_template,
        "engine": run.engine,
    }
    if run.has_benchmarks:
        questions = decontaminate(run, questions=questions, benchmarks=benchmarks)
    if run.has_benchmarks and "judge_paraphrases" in run.fixed:
        questions = judge_paraphrases(run, questions=questions, benchmarks=benchmarks, **judge)
    solvable = filter_solvability(run, questions=questions, **judge)
    scorer = train_difficulty_scorer(
        run,
        examples=rates,
        model=run.difficulty_base,
        target="difficulty",
        num_nodes=run.hardware["training_nodes"],
        seed=run.seed,
    )
    scored = score_difficulty(run, questions=solvable, scorer=scorer)
    return sample_difficulty(run, questions=scored, seed=run.seed)
