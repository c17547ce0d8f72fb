"""Which model `scalequest ask MODEL` means, and how it is to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from components.shared.addresses import SERVED, STORES, scheme_of_model
from components.shared.config.values import nearest
from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.templates.families import OWN
from components.shared.workspace.lineage import rows_stages_of, stages_of
from components.shared.workspace.manifests import Manifest, read_manifest_or_none
from components.steps import step_names
from pipelines.workspace_folders import finished_models, newest_dataset

# The step's own are the paper's. On a machine without a GPU a run has others, with which a reply takes less time.
KEPT_OPTIONS = ("temperature", "top_p", "max_tokens", "max_model_len")
PUBLISHED = Path(__file__).with_name("published_models.yaml")
ACCEPTED = (
    "a folder that a step made a model in, a dataset or a workspace with one, a directory with a model, gs://…, "
    "s3://…, hf://org/name@revision, openai:NAME with --endpoint, or a published model"
)


@dataclass(frozen=True, kw_only=True)
class AskedModel:
    """A model, and how it was trained to be asked."""

    uri: str
    engine: str = "vllm"
    endpoint: str = ""
    chat_template: str = OWN
    prompt: str = ""  # the message with {question} in it; "" for that of the steps
    num_examples: int = 0  # worked examples before the question
    options: Mapping[str, float] = field(default_factory=dict)  # that it had in its run; others are the step's own


def find_model(name: str, *, answers: bool) -> AskedModel:
    """Return the model that is to write questions, or answers; InputError where that is not clear.

    Of a dataset, or of a workspace with one, it is the model that wrote those, to be asked as it was there.
    """
    if entry := published_models().get(name):
        return _published(name, entry, answers)
    if name.startswith(SERVED):
        return AskedModel(uri=name, engine="openai")
    if scheme_of_model(name) not in STORES:
        return AskedModel(uri=name)
    if manifest := read_manifest_or_none(name):
        if manifest.kind == "model":
            return AskedModel(uri=name, chat_template=_trained_by(manifest))
        return _of_rows(name, answers)
    names = storage.list_names(name)
    if {*names} & {*step_names()}:
        return _of_workspace(name, answers)
    if not names and "/" not in name:
        raise InputError(
            f"{name!r} is neither a directory nor a published model ({nearest(name, published_models())}); "
            f"a model is {ACCEPTED}"
        )
    return AskedModel(uri=name)


def published_models() -> Mapping[str, Mapping[str, str]]:
    """Return the entries of published_models.yaml by name."""
    entries: dict[str, dict[str, str]] = yaml.safe_load(PUBLISHED.read_text(encoding="utf-8"))
    return entries


def _published(name: str, entry: Mapping[str, str], answers: bool) -> AskedModel:
    if (entry["writes"] == "answers") != answers:
        remedy = "leave --question out" if answers else "give it a question with --question"
        raise InputError(f"{name} writes {entry['writes']}; {remedy}, or use another model")
    return AskedModel(uri=entry["uri"], chat_template=entry["chat_template"], prompt=entry.get("prompt", ""))


def _trained_by(manifest: Manifest) -> str:
    """Return the chat template that a model folder was trained with; an imported model has its own."""
    trained = manifest.step.startswith("train_")
    return str(manifest.options.get("chat_template", OWN)) if trained else OWN


def _of_workspace(workspace: str, answers: bool) -> AskedModel:
    if dataset := newest_dataset(workspace):
        return _of_rows(dataset, answers)
    there = ", ".join(finished_models(workspace)) or "none that is finished"
    raise InputError(f"{workspace} has no finished dataset; give a model of the workspace: {there}")


def _of_rows(folder: str, answers: bool) -> AskedModel:
    """Return the model that wrote the questions, or answers, that a folder's rows came from."""
    step = "generate_responses" if answers else "generate_questions"
    models = {
        entry.uri: stage.manifest.options
        for stage in rows_stages_of(stages_of(folder))
        if stage.step == step
        for entry in stage.manifest.inputs["model"]
    }
    what = "answered" if answers else "wrote"
    if not models:
        raise InputError(f"no model {what} the questions of {folder}; give a model: {ACCEPTED}")
    if len(models) > 1:
        listed = ", ".join(f"{uri}{_named(options)}" for uri, options in models.items())
        raise InputError(f"{len(models)} models {what} the questions of {folder}; give one of them: {listed}")
    ((uri, options),) = models.items()
    return AskedModel(
        uri=uri,
        engine=str(options["engine"]),
        endpoint=str(options["endpoint"]),
        chat_template=str(options["chat_template"]),
        num_examples=int(options.get("num_examples", 0)),
        options={name: options[name] for name in KEPT_OPTIONS},
    )


def _named(options: Mapping[str, Any]) -> str:
    return f" ({options['generator']})" if "generator" in options else ""
