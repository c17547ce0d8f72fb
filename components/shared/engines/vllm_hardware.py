"""What vLLM is told about the hardware, for engines and scorers alike."""

from vllm.platforms import current_platform  # isort: skip

import os
from typing import Any

from components.shared import arithmetic
from components.shared.arithmetic import Arithmetic


def arithmetic_for(num_gpus: int) -> Arithmetic:
    """Choose the arithmetic of models, by this CPU or by the GPUs that share one model.

    vLLM asks the driver. PyTorch would first occupy memory of the GPU, which vLLM's own processes need.
    """
    if current_platform.is_cpu():
        return arithmetic.of_this_cpu()
    names = {number: str(current_platform.get_device_name(number)) for number in range(num_gpus)}
    capabilities = {name: current_platform.get_device_capability(number) for number, name in names.items()}
    return arithmetic.of_gpus({name: (given.major, given.minor) for name, given in capabilities.items()})


def quiet_start() -> None:
    """Silence the dozens of lines that vLLM logs at each start."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")


def cpu_args(cache_gib: int) -> dict[str, Any]:
    """Return the arguments for a CPU: no process of its own, no compilation, no profiling run.

    With these, the first token would take 200 s instead of 6 s. The cache has ``cache_gib`` GiB, unless the environment
    sets another size (VLLM_CPU_KVCACHE_SPACE).
    """
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    size = int(os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(cache_gib)))
    return {"enforce_eager": True, "kv_cache_memory_bytes": size * 2**30}
