"""The arguments that all trainings have follow what the processor computes in."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.shared.arithmetic import Arithmetic, of_cpu
from components.shared.training.job import TrainingJob
from components.train_sft.config import TrainSftConfig

torch = pytest.importorskip("torch")
fine_tuning = pytest.importorskip("components.shared.training.fine_tuning", exc_type=ImportError)

FP32, BF16 = of_cpu(()), of_cpu({"avx512_bf16"})


@pytest.mark.parametrize(
    ("arithmetic", "parallelism", "by_transformers", "by_deepspeed"),
    [
        (FP32, "none", False, None),
        (BF16, "none", True, None),
        (FP32, "zero3", False, False),
        (BF16, "zero3", False, True),
    ],
)
def test_matrices_are_multiplied_in_bf16_only_where_the_processor_has_it(
    arithmetic: Arithmetic,
    parallelism: str,
    by_transformers: bool,
    by_deepspeed: bool | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fine_tuning, "of_this_machine", lambda: arithmetic)
    config = TrainSftConfig(workspace="w", model="m", examples="e", parallelism=parallelism, num_processes=1)
    job = TrainingJob(config=config, folder=str(tmp_path), model="m", checkpoints_uri="c", end_tokens=())
    arguments = fine_tuning.common_arguments(job, warmup_steps=0)
    assert arguments["bf16"] is by_transformers
    assert arguments["model_init_kwargs"]["dtype"] == "float32"
    assert job.read_arithmetic() == str(arithmetic)
    zero3 = arguments["deepspeed"]
    assert (None if zero3 is None else zero3["torch_autocast"]["enabled"]) is by_deepspeed
    assert zero3 is None or not {"bf16", "fp16"} & zero3.keys()


@pytest.mark.parametrize(("arithmetic", "enabled", "dtype"), [(FP32, False, "float32"), (BF16, True, "bfloat16")])
def test_deepspeed_reads_the_arithmetic_that_was_chosen(arithmetic: Arithmetic, enabled: bool, dtype: str) -> None:
    deepspeed = pytest.importorskip("deepspeed.runtime.config")
    config = fine_tuning._zero3(arithmetic)
    assert deepspeed.get_torch_autocast_enabled(config) is enabled
    assert deepspeed.get_torch_autocast_dtype(config) == getattr(torch, dtype)
