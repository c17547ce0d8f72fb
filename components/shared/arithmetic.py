"""The arithmetic of models: bf16 if the processor has it, otherwise fp32; never fp16. Weights are saved in bf16.

Without bf16 instructions, PyTorch emulates it number by number, which is 30 to 75 times slower than fp32.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch

BF16, FP32 = "bfloat16", "float32"  # as torch, vLLM and DeepSpeed name them
CPU_FLAGS = {"amx_bf16": "AMX-BF16", "avx512_bf16": "AVX512-BF16"}  # as torch.cpu.get_capabilities() names them
ONEDNN_VARIABLES = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")  # the first that is set counts
ONEDNN_WITHOUT_BF16 = ("AVX512_CORE", "AVX512_CORE_VNNI")  # older ones PyTorch knows by itself
GPU_CAPABILITY = (8, 0)  # Ampere; before it (V100, T4) bf16 does not exist


@dataclass(frozen=True)
class Arithmetic:
    """A kind of number, and why it was chosen."""

    dtype: str
    reason: str

    def __str__(self) -> str:
        return f"{'bf16' if self.dtype == BF16 else 'fp32'} ({self.reason})"

    @property
    def is_bf16(self) -> bool:
        """Whether matrices are multiplied in bf16."""
        return self.dtype == BF16

    @property
    def torch_dtype(self) -> torch.dtype:
        """The same for PyTorch."""
        return torch.bfloat16 if self.is_bf16 else torch.float32


def of_cpu(flags: Collection[str], *, held_to_less: bool = False) -> Arithmetic:
    """Choose by those of a CPU's ``flags`` that are in CPU_FLAGS; ``held_to_less``: PyTorch may not use them."""
    found = [name for flag, name in CPU_FLAGS.items() if flag in flags]
    if not found:
        return Arithmetic(FP32, f"the CPU has neither {' nor '.join(CPU_FLAGS.values())}")
    if held_to_less:
        return Arithmetic(
            FP32, f"the CPU has {found[0]}, but {ONEDNN_VARIABLES[0]} or ATEN_CPU_CAPABILITY restricts PyTorch to less"
        )
    return Arithmetic(BF16, f"the CPU has {found[0]}")


def of_gpus(capabilities: Mapping[str, tuple[int, int]]) -> Arithmetic:
    """Choose by the compute capability of each GPU, by name; all of them need bf16."""
    for name, capability in capabilities.items():
        if capability < GPU_CAPABILITY:
            numbers = ".".join(map(str, capability))
            return Arithmetic(FP32, f"{name} has compute capability {numbers}, and bf16 begins with 8.0")
    return Arithmetic(BF16, f"{', '.join(capabilities)} has it")


def of_this_cpu() -> Arithmetic:
    """Choose by this CPU, and by what the environment lets PyTorch and oneDNN (which multiplies matrices) use."""
    flags = [flag for flag in CPU_FLAGS if torch.cpu.get_capabilities().get(flag)]
    return of_cpu(
        flags,
        held_to_less=bool(flags)
        and not (
            torch.backends.cpu.get_cpu_capability() == "AVX512"
            and torch.ops.mkldnn._is_mkldnn_bf16_supported()
            and not _is_onednn_held()
        ),
    )


def _is_onednn_held() -> bool:
    """Tell whether the environment holds oneDNN to AVX-512 without bf16: PyTorch takes AVX-512 of any kind for bf16."""
    value = next(filter(None, map(os.environ.get, ONEDNN_VARIABLES)), "")
    return value.upper() in ONEDNN_WITHOUT_BF16


def of_this_machine() -> Arithmetic:
    """Choose by the GPUs that this process sees, otherwise by the CPU."""
    if not torch.cuda.is_available():
        return of_this_cpu()
    numbers = range(torch.cuda.device_count())
    return of_gpus({torch.cuda.get_device_name(n): torch.cuda.get_device_capability(n) for n in numbers})


def of_scores(arithmetic: Arithmetic, *, on_gpu: bool) -> Arithmetic:
    """Return the arithmetic of scores, given that of other models: on a CPU always fp32.

    A text's score is then the same to five digits in any batch, which is worth the time.
    """
    return arithmetic if on_gpu or not arithmetic.is_bf16 else Arithmetic(FP32, "scores are, on every CPU")
