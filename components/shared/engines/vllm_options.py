"""What vLLM is told about a model, and whether it takes that: its own rules decide, before it loads anything."""

from vllm import EngineArgs  # isort: skip

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vllm.usage.usage_lib import UsageContext

from components.shared.arithmetic import Arithmetic
from components.shared.errors import InputError

# Our options, and the words by which a message of vLLM is about each.
OPTIONS = {
    "max_model_len": re.compile(r"max_model_len|max_num_batched_tokens|max_position", re.IGNORECASE),
    "tensor_parallel_size": re.compile(r"tensor.parallel|attention heads|world size|divisible", re.IGNORECASE),
    "gpu_memory_fraction": re.compile(r"gpu.memory.utili[sz]ation", re.IGNORECASE),
}
LONGEST_REASON = 300  # characters; vLLM lists all architectures that it knows


def model_arguments(
    folder: Path, arithmetic: Arithmetic, max_len: int, num_gpus: int, gpu_memory_fraction: float
) -> dict[str, Any]:
    """Return the arguments of EngineArgs that engines and scorers share; ``max_len`` 0 is the model's own."""
    return {
        "model": str(folder),
        "dtype": arithmetic.dtype,
        "load_format": "safetensors",
        "config_format": "hf",  # of a repository with Mistral's own format beside it, vLLM would take that one
        "trust_remote_code": False,
        "max_model_len": max_len or None,
        "tensor_parallel_size": num_gpus,
        "gpu_memory_utilization": gpu_memory_fraction,
    }


def check_options(arguments: Mapping[str, Any], named: str, options: Mapping[str, Any]) -> Any:
    """Return vLLM's settings for ``arguments``, which are those of EngineArgs; loads no weights.

    ``named`` is the model's name in messages, ``options`` are ours with their values. Raises InputError if they do not
    fit the model, or if vLLM does not run such a model.
    """
    try:
        return EngineArgs(**arguments).create_engine_config(UsageContext.LLM_CLASS)
    except (ValueError, NotImplementedError) as error:
        reason = _reason(error)
        blamed = [name for name, words in OPTIONS.items() if name in options and words.search(reason)]
        given = [f"--{name.replace('_', '-')} {options[name]}" for name in blamed]
        what = f"{', '.join(given)} does not fit {named}" if given else f"vLLM does not run {named}"
        remedy = "change that option" if given else "use a model of a kind that it runs"
        raise InputError(f"{what}: {reason}; {remedy}") from error


def _reason(error: Exception) -> str:
    """Return vLLM's message without what its validation adds."""
    words = re.sub(r"^.*?Value error, ", "", str(error), count=1, flags=re.DOTALL).partition(" [type=")[0]
    sentence = " ".join(words.split()).removesuffix(".")
    return sentence if len(sentence) <= LONGEST_REASON else f"{sentence[:LONGEST_REASON]}…"
