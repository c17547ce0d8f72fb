"""The right column of the figure in this process: questions from generators to a dataset, with the scripted engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from components.deduplicate.config import DeduplicateConfig
from components.deduplicate.step import run as deduplicate
from components.filter_language.config import FilterLanguageConfig
from components.filter_language.step import run as filter_language
from components.filter_solvability.config import FilterSolvabilityConfig
from components.filter_solvability.step import run as filter_solvability
from components.generate_questions.config import GenerateQuestionsConfig
from components.generate_questions.step import run as generate_questions
from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run as generate_responses
from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import run as package_dataset
from components.sample_difficulty.config import SampleDifficultyConfig
from components.sample_difficulty.step import run as sample_difficulty
from components.score_difficulty.config import ScoreDifficultyConfig
from components.score_difficulty.step import run as score_difficulty
from components.score_responses.config import ScoreResponsesConfig
from components.score_responses.step import run as score_responses
from components.select_responses.config import SelectResponsesConfig
from components.select_responses.step import run as select_responses
from components.shared.config import StepConfig
from components.shared.workspace import Workspace

ASKED = ("generate_questions", "filter_solvability", "generate_responses")  # steps that ask a model
SCORED = ("score_difficulty", "score_responses")
NUM_SAMPLES = 3


def make_dataset(
    workspace: Workspace,
    num_questions: int,
    *,
    generators: Sequence[str] = ("first",),
    seed: int = 0,
    rows_per_part: int = 16,
) -> dict[str, str]:
    """Make a dataset of ``num_questions`` questions of each generator; return the folders by step, in order.

    Of several generators, the last one's questions stand for ``generate_questions``.
    """
    parts = {"rows_per_part": rows_per_part}
    configs = [generation(workspace, num_questions, name, seed=seed, **parts) for name in generators]
    written = [generate_questions(config, workspace) for config in configs]
    made = {"generate_questions": written[-1]}
    asked = {"engine": "scripted", "model": "scripted:solver"} | parts
    scored = {"scorer_engine": "scripted"}
    stages: list[tuple[Callable[..., StepConfig], Callable[..., str], dict[str, Any]]] = [
        (FilterLanguageConfig, filter_language, {}),
        (DeduplicateConfig, deduplicate, {}),
        (FilterSolvabilityConfig, filter_solvability, asked),
        (ScoreDifficultyConfig, score_difficulty, scored),
        (SampleDifficultyConfig, sample_difficulty, {"minimum": 0.1, "seed": seed}),
        (GenerateResponsesConfig, generate_responses, asked | {"num_samples": NUM_SAMPLES, "seed": seed}),
        (ScoreResponsesConfig, score_responses, scored),
        (SelectResponsesConfig, select_responses, {}),
        (PackageDatasetConfig, package_dataset, {}),
    ]
    folder, kind = json.dumps(written), "questions"
    for config_of, run, options in stages:
        config = config_of(workspace=workspace.uri, **{kind: folder}, **options)
        folder = made[config.step] = run(config, workspace)
        kind = "responses" if config.step == "generate_responses" else kind
    return made


def generation(workspace: Workspace, num_questions: int, generator: str, **options: Any) -> GenerateQuestionsConfig:
    """Return how a generator's questions are written."""
    given: dict[str, Any] = {"model": f"scripted:{generator}", "engine": "scripted", "rows_per_part": 16}
    return GenerateQuestionsConfig(
        workspace=workspace.uri, generator=generator, num_questions=num_questions, **given | options
    )
