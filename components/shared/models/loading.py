"""Checks of a model's weights before they are used: none missing, none too many, of the right shape, finite.

transformers replaces a missing weight with random numbers; vLLM uses whatever is in memory.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedModel

from components.shared.errors import InputError
from components.shared.models.files import some
from components.shared.models.purposes import NO_CODE, Use
from components.shared.models.weight_files import weight_files

NAMED = 4  # names of each kind that a message shows
# What transformers raises for files from which it cannot make a model.
UNLOADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    ImportError,
    RuntimeError,
    SafetensorError,
    StrictDataclassError,
)

_LOADING = threading.RLock()


def load(loader: type[Any], folder: Path | str, **options: Any) -> Any:
    """Load a model from safetensors, without code of its own, by one of transformers' Auto classes.

    One thread loads at a time: transformers replaces functions of its classes meanwhile, and the second of two threads
    would leave them replaced for good (tied weights missing, new weights uninitialised).
    """
    with _LOADING:
        return loader.from_pretrained(folder, use_safetensors=True, trust_remote_code=False, **options)


def check_weights(folder: Path, named: str, use: Use) -> PreTrainedModel:
    """Return the model without its weights, on the meta device: config and shapes; reads headers only.

    Raises InputError, which begins with ``named`` (an option and its value), if a weight is missing, unexpected or of
    another shape than config.json says. Tied weights may be missing, and weights that the model's class ignores may
    exist. As the start of a scorer, a model may lack a head for scores; its own head is then not used.
    """
    is_language_model = use is Use.LANGUAGE_MODEL
    loader = AutoModelForCausalLM if is_language_model else AutoModelForSequenceClassification
    one_output = use in (Use.SCORER_BASE, Use.REWARD_MODEL)
    options = {"num_labels": 1, "problem_type": "regression"} if one_output else {}
    with _LOADING, _quiet(), _explained(named, use):
        model, found = load(
            loader,
            folder,
            device_map="meta",
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are named below
            **options,
        )
        missing, unexpected = _missing_and_unexpected(model, found, use)
    shapes = {f"{name} ({_shape(there)} instead of {_shape(due)})" for name, there, due in found["mismatched_keys"]}
    faults = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
    if any(faults.values()):
        said = "; ".join(f"{fault}: {some(names, NAMED)}" for fault, names in faults.items() if names)
        raise InputError(
            f"{named}: the weights are not those of {use.value} of its config.json ({type(model).__name__}): {said}; "
            "missing ones would be random numbers; export the whole model again, or use another one"
        )
    return model


def _missing_and_unexpected(model: PreTrainedModel, found: dict[str, Any], use: Use) -> tuple[set[str], set[str]]:
    missing, unexpected = set(found["missing_keys"]), set(found["unexpected_keys"])
    if use is Use.SCORER_BASE and not _is_scorer(model.config):
        return missing - _head(model), unexpected - _own_head(model.config)
    if use is Use.REWARD_MODEL:
        outside = {name for name in unexpected if not name.startswith(f"{model.base_model_prefix}.")}
        has_head = not _head(model) <= missing or any(not name.startswith("lm_head.") for name in outside)
        return missing - _head(model) | (set() if has_head else {"a head"}), unexpected - outside
    return missing, unexpected


def check_finite(folder: Path, named: str) -> None:
    """Raise InputError, which begins with ``named``, if a weight is NaN or infinite; reads every weight once."""
    broken = []
    for file in weight_files(folder):
        with safe_open(file, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 -- not a mapping
                tensor = weights.get_tensor(name)
                if tensor.is_floating_point() and not is_finite(tensor):
                    broken.append(name)
    if broken:
        raise InputError(
            f"{named}: {len(broken)} weights are NaN or infinite ({some(broken, NAMED)}): the model is broken: "
            "perhaps its training diverged; use an earlier or another one"
        )


def is_finite(tensor: torch.Tensor) -> bool:
    """Tell whether a tensor has neither NaN nor infinity."""
    if not tensor.numel():
        return True
    if tensor.dtype.itemsize == 1:  # 8-bit kinds have no comparison
        tensor = tensor.float()
    least, most = torch.aminmax(tensor.detach())  # NaN in both if there is one; makes no copy of the tensor
    return bool(torch.isfinite(least) & torch.isfinite(most))


def _is_scorer(config: Any) -> bool:
    return any(name.endswith("ForSequenceClassification") for name in config.architectures or ())


def _head(model: PreTrainedModel) -> set[str]:
    return {name for name in model.state_dict() if not name.startswith(f"{model.base_model_prefix}.")}


def _own_head(config: Any) -> set[str]:
    """Return the names of the weights of the head of a model that is not a scorer."""
    kind = getattr(transformers, next(iter(config.architectures or ()), ""), None)
    if kind is None:
        return set()
    with torch.device("meta"):
        return _head(kind(config))


@contextlib.contextmanager
def _explained(named: str, use: Use) -> Iterator[None]:
    try:
        yield
    except UNLOADABLE as error:
        lines = str(error).strip().splitlines()
        # A wrong value of config.json has its cause in the second line.
        reason = " ".join(map(str.strip, lines[: 2 if isinstance(error, StrictDataclassError) else 1]))
        reason = reason or type(error).__name__
        raise InputError(f"{named}: transformers cannot load it as {use.value} ({reason}); {NO_CODE}") from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence transformers' own report, whose findings are in our message."""
    log = transformers.utils.logging
    level, has_bar = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity(log.CRITICAL)
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if has_bar:
            log.enable_progress_bar()


def _shape(size: Iterable[int]) -> str:
    return " x ".join(map(str, size))
