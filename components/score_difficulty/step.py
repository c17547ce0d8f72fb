"""Predict how often a solver fails on each question."""

from __future__ import annotations

from components.score_difficulty.config import ScoreDifficultyConfig
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
