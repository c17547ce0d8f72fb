"""What models are computed in follows what the processor has: by its flags, never by a clock."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from components.shared.arithmetic import BF16, FP32, of_cpu, of_gpus, of_scores
from components.shared.models import fetch_model
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.conftest import WriteRows
from tests.source_tree import ROOT

AVX2 = {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
KERNELS = {"PYTHONPATH": str(ROOT / "tests/held_to_avx2")}  # what vLLM looks at
ASK = "from components.shared.arithmetic import of_this_cpu; print(of_this_cpu())"


def answer(program: str, environment: Mapping[str, str]) -> str:
    """Return what a fresh process prints that nothing holds to less than its CPU has, but ``environment``."""
    held = {*AVX2, "DNNL_MAX_CPU_ISA", "PYTHONPATH"}
    kept = {name: value for name, value in os.environ.items() if name not in held}
    places = [str(ROOT), environment.get("PYTHONPATH", "")]
    given = kept | dict(environment) | {"PYTHONPATH": os.pathsep.join(filter(None, places))}
    result = subprocess.run([sys.executable, "-c", program], env=given, capture_output=True, text=True, check=True)
    return result.stdout.strip()


def own_flags() -> set[str]:
    """Return this CPU's flags, as the kernel names them."""
    found = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return set(found[1].split()) if found else set()


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), "fp32 (the CPU has neither AMX-BF16 nor AVX512-BF16)"),
        (("avx2", "fma3"), "fp32 (the CPU has neither AMX-BF16 nor AVX512-BF16)"),
        (("avx512_f", "avx512_vnni", "avx512_fp16", "amx_tile", "amx_int8"), "fp32 (the CPU has neither"),
        (("bf16", "sve_bf16"), "fp32 (the CPU has neither"),  # Arm's, which nobody has measured here
        (("avx512_f", "avx512_bf16"), "bf16 (the CPU has AVX512-BF16)"),
        (("amx_bf16", "avx512_bf16"), "bf16 (the CPU has AMX-BF16)"),
    ],
)
def test_a_cpu_computes_in_bf16_only_where_it_has_instructions_for_it(flags: tuple[str, ...], expected: str) -> None:
    assert str(of_cpu(flags)).startswith(expected)


def test_a_cpu_that_pytorch_may_not_use_in_full_computes_in_fp32_and_says_what_holds_it() -> None:
    chosen = of_cpu({"avx512_bf16"}, held_to_less=True)
    assert chosen.dtype == FP32
    assert "AVX512-BF16, but ONEDNN_MAX_CPU_ISA or ATEN_CPU_CAPABILITY" in chosen.reason


@pytest.mark.parametrize(
    ("gpus", "dtype"),
    [
        ({"Tesla V100-SXM2-16GB": (7, 0)}, FP32),
        ({"Tesla T4": (7, 5)}, FP32),
        ({"NVIDIA A100-SXM4-80GB": (8, 0)}, BF16),
        ({"NVIDIA L4": (8, 9)}, BF16),
        ({"NVIDIA H100 80GB HBM3": (9, 0)}, BF16),
        ({"NVIDIA A100-SXM4-80GB": (8, 0), "Tesla T4": (7, 5)}, FP32),
    ],
)
def test_gpus_compute_in_bf16_only_where_each_of_them_has_it(gpus: dict[str, tuple[int, int]], dtype: str) -> None:
    assert of_gpus(gpus).dtype == dtype


def test_a_gpu_without_bf16_is_named_with_what_it_has() -> None:
    assert str(of_gpus({"Tesla T4": (7, 5)})) == "fp32 (Tesla T4 has compute capability 7.5, and bf16 begins with 8.0)"


def test_scores_are_computed_in_fp32_on_a_cpu_and_as_everything_on_a_gpu() -> None:
    for chosen in (of_cpu(()), of_cpu({"avx512_bf16"})):
        assert of_scores(chosen, on_gpu=False).dtype == FP32
    for chosen in (of_gpus({"T4": (7, 5)}), of_gpus({"A100": (8, 0)})):
        assert of_scores(chosen, on_gpu=True) == chosen


def test_this_cpu_is_taken_for_what_the_kernel_says_that_it_has() -> None:
    has_bf16 = bool(own_flags() & {"avx512_bf16", "amx_bf16"})
    assert answer(ASK, {}).startswith("bf16 (the CPU has A" if has_bf16 else "fp32 (the CPU has neither")


@pytest.mark.parametrize("held", [AVX2, {"ONEDNN_MAX_CPU_ISA": "AVX2"}, {"ATEN_CPU_CAPABILITY": "avx2"}], ids=str)
def test_an_environment_that_holds_this_cpu_to_avx2_is_followed(held: Mapping[str, str]) -> None:
    assert answer(ASK, held).startswith("fp32 (")


@pytest.mark.parametrize(
    "held",
    [
        {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
        {"ONEDNN_MAX_CPU_ISA": "avx512_core_vnni"},
        {"ONEDNN_MAX_CPU_ISA": "AVX2_VNNI"},
        {"ONEDNN_MAX_CPU_ISA": "AVX2_VNNI_2"},
        {"DNNL_MAX_CPU_ISA": "AVX512_CORE_VNNI"},
        {"ONEDNN_MAX_CPU_ISA": "", "DNNL_MAX_CPU_ISA": "AVX512_CORE"},
    ],
    ids=str,
)
def test_an_environment_that_holds_this_cpu_to_instructions_without_bf16_is_followed(held: Mapping[str, str]) -> None:
    assert answer(ASK, held).startswith("fp32 (")


@pytest.mark.skipif("avx512_bf16" not in own_flags(), reason="this CPU has no AVX512-BF16")
@pytest.mark.parametrize(
    "held",
    [
        {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"},
        {"ONEDNN_MAX_CPU_ISA": "AVX10_1_512_AMX"},
        {"ONEDNN_MAX_CPU_ISA": "DEFAULT"},
        {"ONEDNN_MAX_CPU_ISA": "ALL", "DNNL_MAX_CPU_ISA": "AVX512_CORE"},
    ],
    ids=str,
)
def test_an_environment_that_leaves_this_cpu_its_bf16_changes_nothing(held: Mapping[str, str]) -> None:
    assert answer(ASK, held).startswith("bf16 (")


@pytest.mark.slow
def test_vllm_computes_as_the_cpu_does_and_takes_the_kernels_that_fit() -> None:
    pytest.importorskip("vllm")
    ask = (
        "import re\nfrom components.shared.engines.vllm_hardware import arithmetic_for\nimport vllm._custom_ops\n"
        "loaded = sorted(set(re.findall(r'vllm/(_C\\w*)', open('/proc/self/maps').read())))\n"
        "print(arithmetic_for(1).dtype, *loaded)"
    )
    assert answer(ask, AVX2 | KERNELS).splitlines()[-1] == f"{FP32} _C_AVX2"
    if own_flags() & {"avx512_bf16", "amx_bf16"}:
        assert answer(ask, {}).splitlines()[-1] == f"{BF16} _C"


@pytest.mark.slow
def test_a_training_held_to_avx2_multiplies_no_matrix_in_bf16_and_saves_bf16(
    workspace: Workspace, tiny_model: Path, write_questions: WriteRows
) -> None:
    from safetensors import safe_open

    program = (
        "import json, sys, torch\n"
        "from torch.utils._python_dispatch import TorchDispatchMode\n"
        "from components.shared.workspace import Workspace\n"
        "from components.train_sft.step import TrainSftConfig, run\n"
        "class Products(TorchDispatchMode):\n"
        "    seen = set()\n"
        "    def __torch_dispatch__(self, func, types, args=(), kwargs=None):\n"
        "        if 'mm' in str(func) or 'attention' in str(func):\n"
        "            self.seen |= {str(x.dtype) for x in args if isinstance(x, torch.Tensor)}\n"
        "        return func(*args, **(kwargs or {}))\n"
        f"config = TrainSftConfig(**json.loads({json.dumps(json.dumps(_options(workspace, tiny_model)))}), "
        f"examples={write_questions(workspace, [f'What is {n} + {n}?' for n in range(4)])!r})\n"
        "with Products() as products:\n"
        "    folder = run(config, Workspace(config.workspace))\n"
        "print(folder, *products.seen)"
    )
    folder, *seen = answer(program, AVX2).splitlines()[-1].split()
    assert seen == ["torch.float32"]
    assert read_manifest(folder).arithmetic.startswith("fp32 (")
    with safe_open(fetch_model(folder) / "model.safetensors", framework="pt") as weights:
        assert {str(weights.get_slice(name).get_dtype()) for name in weights.keys()} == {"BF16"}  # noqa: SIM118


def _options(workspace: Workspace, model: Path) -> dict[str, object]:
    return {
        "workspace": workspace.uri, "model": str(model), "batch_size": 4, "micro_batch_size": 2, "max_tokens": 64,
        "checkpoint_steps": 0, "num_processes": 1,
    }  # fmt: skip
