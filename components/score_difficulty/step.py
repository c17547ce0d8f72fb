"""Predict how often a solver fails on each question."""

from __future__ import annotations

from types import MappingProxyType

from components.score_difficulty.config import ScoreDifficultyConfig
from components.shared.command.kubeflow_artifacts import Views
from components.shared.publishing.distribution import distribution_page
from components.shared.records import Question
from components.shared.scoring import open_scorer
from components.shared.scoring.score_rows import fetch_scorer, score_rows
from components.shared.workspace import Workspace


def run(config: ScoreDifficultyConfig, workspace: Workspace) -> str:
    """Score every question; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    found = workspace.open(config, questions)
    if found.finished:
        return found.uri
    model = fetch_scorer(config, config.scorer, "--scorer")
    folder = found.begin_rows(Question, questions.slices(config.rows_per_part))
    return score_rows(
        questions,
        folder,
        lambda: open_scorer(config, model, add_special_tokens=True),
        lambda question: question.question,
        "difficulty",
    )


def distribution(_: ScoreDifficultyConfig, folder: str) -> bytes:
    """Return the page of a finished folder for Kubeflow."""
    return distribution_page(folder, "difficulty", title="Predicted fail rates", values="predicted fail rates")


VIEWS: Views[ScoreDifficultyConfig] = MappingProxyType({"distribution": distribution})
