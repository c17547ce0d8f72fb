"""What a training's processes do after each step: log it, upload checkpoints, and end early.

Training ends early, with a checkpoint, if it is told to stop, and if it has diverged. A checkpoint is uploaded once the
next step has shown that its weights can be trained, or at once if there is no time for another step.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from components.shared import speaking, stopping
from components.shared.errors import InputError
from components.shared.training._checkpoints import BackgroundSaves, CheckpointStore, draw_name
from components.shared.training._soundness import Soundness, is_true_anywhere
from components.shared.training.job import TrainingJob

logger = logging.getLogger(__name__)


class StepCallback(TrainerCallback):  # type: ignore[misc]  # transformers is not typed for us
    """Logs each step, uploads checkpoints, and ends training if it is told to stop or has diverged."""

    def __init__(self, job: TrainingJob[Any], soundness: Soundness) -> None:
        num_nodes = job.config.num_nodes
        self._store = CheckpointStore(job.checkpoints_uri, job.config.layout, node=job.node, num_nodes=num_nodes)
        self._saves = BackgroundSaves(self._store)
        self._seconds_before = job.seconds_before
        self._started = time.monotonic()
        self._course = speaking.Course("step", 0)
        self._job = job
        self._soundness = soundness
        self._unproven: tuple[Path, str, float] | None = None  # a checkpoint, until the next step
        self._first_step = 1  # of this process, not of the training
        self._stopped = False

    @property
    def seconds(self) -> float:
        """The seconds of training, including those before the checkpoint."""
        return self._seconds_before + time.monotonic() - self._started

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Train within this: a signal waits for the end of a step and its checkpoint; then ``Stopped`` is raised."""
        with stopping.deferred():
            yield
            self._saves.wait()
            if torch.distributed.is_initialized():
                torch.distributed.barrier()  # the first process to end would end the others too
        if self._stopped:
            raise stopping.Stopped

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._started = time.monotonic()
        self._first_step = state.global_step + 1
        self._course = speaking.Course("step", state.max_steps, done=state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._stopped = is_true_anywhere(stopping.requested(), args.device)  # or their checkpoint would be torn
        if self._stopped:
            control.should_save = control.should_training_stop = True
        elif state.global_step >= state.max_steps:
            control.should_save = False  # the model itself follows at once

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        entry = state.log_history[-1]
        if "loss" not in entry:
            return
        if fault := self._soundness.fault_of_step(entry):
            self._end_diverged(state, fault)
        self._upload_unproven()
        self._course.done = state.global_step
        step = f"step {state.global_step} of {state.max_steps}"
        if state.is_local_process_zero:
            self._job.write_course(f"{step}: {self._course.pace}")
        if state.is_world_process_zero:
            logger.info("%s: loss %.4f, %s", step, entry["loss"], self._course.pace)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if fault := self._soundness.fault_of_weights():
            self._end_diverged(state, fault)
        self._saves.wait()  # on all machines: one that is behind would otherwise find its previous checkpoint deleted
        name = _agreed(draw_name(state.global_step))  # by then, each process has written its share of the checkpoint
        if state.is_local_process_zero:
            self._unproven = Path(args.output_dir, f"checkpoint-{state.global_step}"), name, self.seconds
        if self._stopped:
            self._upload_unproven()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if not self._stopped and (fault := self._soundness.fault_of_weights()):
            self._end_diverged(state, fault)

    def _upload_unproven(self) -> None:
        if self._unproven is not None:
            self._saves.start(*self._unproven)
            self._unproven = None

    def _end_diverged(self, state: TrainerState, fault: str) -> NoReturn:
        """Raise InputError in all processes, after the last good checkpoint, if any, is uploaded."""
        self._saves.wait()
        bad = self._job.checkpoint if state.global_step == self._first_step else ""  # saved before it was proven
        if bad and state.is_world_process_zero:
            self._store.remove(bad)
        good = self._store.find_latest(but=bad)
        if torch.distributed.is_initialized():
            torch.distributed.barrier()  # the first process to end would end the others too
        if state.global_step == 1 and fault.startswith("the loss is"):
            raise InputError(
                f"{fault} at step 1, before any weight has changed: nothing can be computed with --model "
                f"{self._job.config.model} on these rows; use another model"
            )
        kept = (
            f"the last good checkpoint is {good}; the same command continues from it, which helps where the hardware "
            "was at fault"
        )
        raise InputError(
            f"training diverged at step {state.global_step} of {state.max_steps}: {fault}; start it with a lower "
            f"--learning-rate than {self._job.config.learning_rate:g}; {kept if good else 'no good checkpoint is left'}"
        )


def _agreed(name: str) -> str:
    """Return the name that the first process has drawn, after all processes have reached this point."""
    if not torch.distributed.is_initialized():
        return name
    names = [name]
    torch.distributed.broadcast_object_list(names)
    torch.distributed.barrier()
    return names[0]
