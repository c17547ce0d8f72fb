"""Which models a dataset was made with: what each was used for, where it came from, and what was trained on the way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from components.shared.workspace.lineage import Stage

OPTIONS = ("model", "scorer", "reward_model")  # of steps, that name a model
# What a step does with its model, in the words of the page; other steps are told by their name.
USES: Mapping[str, str] = MappingProxyType(
    {
        "build_preferences": "rewrites questions",
        "evaluate": "is evaluated",
        "filter_solvability": "judges whether questions can be solved",
        "generate_questions": "writes questions",
        "generate_responses": "solves",
        "judge_paraphrases": "judges whether questions are the same",
        "measure_fail_rate": "solves questions with known answers",
        "score_difficulty": "predicts how often questions are failed",
        "score_responses": "scores responses",
    }
)
_REVISION = re.compile(r"(?P<name>.+)@(?P<revision>[^@/]+)")


@dataclass(frozen=True, kw_only=True)
class ModelUse:
    """A model from outside, what was made of it, and what that was used for."""

    name: str
    revision: str  # "" where its address has none
    trained_by: tuple[str, ...]  # steps, in their order; () for the model as it came
    uses: Sequence[str]


def used_models(stages: Sequence[Stage]) -> list[ModelUse]:
    """Return the models that rows were made with, in the order of the stages."""
    by_folder = {stage.folder: stage for stage in stages}
    uses: dict[tuple[str, tuple[str, ...]], dict[str, None]] = {}
    for stage in stages:
        if stage.manifest.kind != "model":
            for option in OPTIONS:
                for entry in stage.manifest.inputs.get(option, ()):
                    origin = _origin(entry.uri, by_folder)
                    uses.setdefault(origin, {})[USES.get(stage.step, stage.step)] = None
    return [_model(uri, trained_by, list(told)) for (uri, trained_by), told in uses.items()]


def base_models(stages: Sequence[Stage]) -> list[str]:
    """Return the addresses of all models from outside, sorted."""
    imported = {
        entry.uri
        for stage in stages
        for entry in stage.manifest.inputs.get("source", ())
        if stage.step == "import_model" and not entry.is_folder
    }
    asked = {
        entry.uri
        for stage in stages
        for option in OPTIONS
        for entry in stage.manifest.inputs.get(option, ())
        if not entry.is_folder
    }
    return sorted(imported | asked)


def _origin(uri: str, by_folder: Mapping[str, Stage]) -> tuple[str, tuple[str, ...]]:
    """Return where a model came from, and which steps trained it since."""
    trained: list[str] = []
    while (maker := by_folder.get(uri)) is not None:
        if maker.step != "import_model":
            trained.insert(0, maker.step)
        inputs = maker.manifest.inputs
        entries = inputs.get("model") or inputs.get("source", ())
        if not entries:
            break
        uri = entries[0].uri
    return uri, tuple(trained)


def _model(uri: str, trained_by: tuple[str, ...], uses: Sequence[str]) -> ModelUse:
    named = _REVISION.fullmatch(uri)
    name, revision = (named["name"], named["revision"]) if named else (uri, "")
    return ModelUse(name=name, revision=revision, trained_by=trained_by, uses=uses)
