"""Tasks that have nothing to do, and only name a folder: so a pipeline needs no branches.

Each branch costs two of Kubeflow's drivers. A filter without a judge keeps all; where a reward model is given, none is
trained. A task says so by two inputs beside its step's options.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MODELS = "models"  # the input with the folders of the models that the run imported, as JSON
MODEL_OPTIONS = ("model", "reward_model", "scorer")  # options that name a model
SERVED_ENGINE = "openai"  # what asks an endpoint, where a task is given one
RESULT, WITHOUT_MODEL = RESULTS = ("result", "result_without_model")


def passed_on(inputs: Mapping[str, Any]) -> Any:
    """Return the folder that is a task's result already: one that is given, or what stands in for a missing model."""
    has_model = any(inputs.get(name) for name in MODEL_OPTIONS)
    return inputs.get(RESULT) or ("" if has_model else inputs.get(WITHOUT_MODEL, ""))
