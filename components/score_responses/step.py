"""Give every response a reward, by which the best one of a question is chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from components.score_responses.config import ScoreResponsesConfig
from components.shared.command.kubeflow_artifacts import Views
from components.shared.publishing.distribution import distribution_page
from components.shared.records import Response
from components.shared.scoring import open_scorer
from components.shared.scoring.score_rows import fetch_scorer, score_rows
from components.shared.templates import load_chat_template
from components.shared.templates.marked_text import MarkedText
from components.shared.workspace import Workspace


def run(config: ScoreResponsesConfig, workspace: Workspace) -> str:
    """Score every response; return the folder's address."""
    responses = workspace.read(config.responses, Response)
    found = workspace.open(config, responses)
    if found.finished:
        return found.uri
    model = fetch_scorer(config, config.reward_model, "--reward-model")
    text_of = _conversation(config, model)
    folder = found.begin_rows(Response, responses.slices())
    return score_rows(
        responses, folder, lambda: open_scorer(config, model, add_special_tokens=False), text_of, "reward"
    )


def _conversation(config: ScoreResponsesConfig, model: Path | None) -> Callable[[Response], str | MarkedText]:
    """Return what makes a row the reward model's text; the scripted scorer has no chat template."""
    if model is None:
        return lambda row: f"{row.question}\n{row.response}"
    template = load_chat_template(config.chat_template, model)
    return lambda row: template.conversation(row.question, row.response)


def distribution(_: ScoreResponsesConfig, folder: str) -> bytes:
    """Return the page of a finished folder for Kubeflow."""
    return distribution_page(folder, "reward", title="Rewards", values="rewards")


VIEWS: Views[ScoreResponsesConfig] = MappingProxyType({"distribution": distribution})
