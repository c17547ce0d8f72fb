"""The steps: the folders beside this file that are commands, and what each declares."""

from __future__ import annotations

import importlib
from functools import cache
from pathlib import Path

from components.shared.config import StepConfig

ONLY_COPY = ("import_model",)  # a model, without loading it


def step_names() -> list[str]:
    """Return the name of every step, sorted."""
    return sorted(path.parent.name for path in Path(__file__).parent.glob("*/__main__.py"))


def config_of(step: str) -> type[StepConfig]:
    """Return the config that ``components/<step>/config.py`` declares."""
    module = importlib.import_module(f"components.{step}.config")
    (config,) = (
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, StepConfig) and value.__module__ == module.__name__
    )
    return config


@cache
def task_names() -> dict[str, str]:
    """Return the step of each name that STEP_OPTIONS has an entry for: of steps, and of what they are for."""
    own = {name: step for step in step_names() for name in config_of(step).CALLED_BY[1].values()}
    return {step: step for step in step_names()} | own


def may_be_a_job(step: str) -> bool:
    """Tell whether a Job may do a step's work on a cluster: the step runs a model, and does not merely copy it."""
    return config_of(step).IMAGE != "cpu" and step not in ONLY_COPY
