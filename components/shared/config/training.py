"""The options of all trainings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from components.shared.accelerators import num_accelerators
from components.shared.config import StepConfig, option
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.errors import InputError
from components.shared.images import ImageName
from components.shared.templates.families import CHAT_TEMPLATES, OWN

PARALLELISM = ("none", "zero3")


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(StepConfig):
    """The options of a step that trains a causal language model, all weights of it.

    Options on which hardware and rounding depend, but not what is computed, stay out of the fingerprint: the same
    sequences make up a step whatever the number of processes and the micro-batches.
    """

    IMAGE: ClassVar[ImageName] = "train"
    WATCHED: ClassVar[tuple[str, ...]] = ()  # it makes a model
    VERSION: ClassVar[int] = 2  # 1 read what looks like a control token in a row as one
    ARTIFACTS: ClassVar[Mapping[str, Artifact]] = artifacts(
        trained_model=Artifact(kind="Model", title="Trained model", description="the model after this training")
    )

    model: str = option(help="model to start from: model URI", is_folder=True)
    chat_template: str = option(
        OWN, help="own: the model's own chat template; or a chat family", choices=CHAT_TEMPLATES
    )
    epochs: int = option(1, help="epochs over the rows", minimum=1)
    learning_rate: float = option(2e-5, help="peak learning rate, then cosine decay to 0", minimum=0)
    batch_size: int = option(
        128, help="rows per training step, over all processes and accumulated micro-batches", minimum=1
    )
    max_tokens: int = option(
        1024, help="maximum length of a sequence, including the end token; longer ones are rejected", minimum=2
    )
    seed: int = option(0, help="seed for the order of the rows", is_wired=True)
    micro_batch_size: int = option(4, help="rows per process in one micro-batch", affects_output=False, minimum=1)
    num_nodes: int = option(
        1,
        help="number of machines; above 1, the step starts them as a TrainJob",
        affects_output=False,
        is_wired=True,
        minimum=1,
    )
    train_job_runtime: str = option(
        "scalequest-training", help="TrainingRuntime for a TrainJob's pods", affects_output=False
    )
    num_processes: int = option(
        0,
        help="processes per machine, one per GPU; 0: as many as there are GPUs, 1 without GPUs",
        affects_output=False,
        minimum=0,
    )
    parallelism: str = option(
        "none",
        help="zero3: weights, gradients and optimizer are sharded over the processes (DeepSpeed); none: "
        "complete on each",
        choices=PARALLELISM,
        affects_output=False,
    )
    gradient_checkpointing: bool = option(
        True,
        help="on GPUs, recompute activations instead of storing them: slower, less memory",
        affects_output=False,
    )
    checkpoint_steps: int = option(
        50,
        help="training steps between checkpoints in the model's folder; 0: none",
        affects_output=False,
        minimum=0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        share = self.micro_batch_size * self.processes
        if self.batch_size % share:
            raise InputError(
                f"--batch-size {self.batch_size} cannot be cut into micro-batches of {self.micro_batch_size} on "
                f"{self.processes} processes; give a multiple of {share}, or another --micro-batch-size"
            )

    @property
    def processes_here(self) -> int:
        """How many processes train on this machine."""
        return self.num_processes or max(1, num_accelerators())

    @property
    def processes(self) -> int:
        """How many processes train on all machines, each of which has as many as this one."""
        return self.num_nodes * self.processes_here

    @property
    def layout(self) -> str:
        """The options that a checkpoint of this training can be read with."""
        if self.parallelism == "none":
            return "--parallelism none"
        return f"--parallelism zero3 and {self.processes} processes (--num-nodes by --num-processes)"

    def num_steps(self, num_rows: int) -> int:
        """Return the optimizer steps that this many rows make in all epochs."""
        return math.ceil(num_rows * self.epochs / self.batch_size)
