"""The course of a training as its processes see it: the log, checkpoints into the store, stopping when told to."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from components.shared import speaking, stopping
from components.shared.training._checkpoints import BackgroundSaves, CheckpointStore, draw_name
from components.shared.training.job import TrainingJob

logger = logging.getLogger(__name__)


class Progress(TrainerCallback):  # type: ignore[misc]  # transformers is not typed for us
    """Logs each step, puts checkpoints into the store, and ends training with one where it is told to stop."""

    def __init__(self, job: TrainingJob[Any]) -> None:
        store = CheckpointStore(job.checkpoints_uri, job.config.layout, node=job.node, num_nodes=job.config.num_nodes)
        self._saves = BackgroundSaves(store)
        self._seconds_before = job.seconds_before
        self._started = time.monotonic()
        self._course = speaking.Course("step", 0)
        self._job = job
        self._stopped = False

    @property
    def seconds(self) -> float:
        """The seconds that training has taken, those before the checkpoint included."""
        return self._seconds_before + time.monotonic() - self._started

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Train within this: a signal waits for the end of a step and its checkpoint; then ``Stopped`` is raised."""
        with stopping.deferred():
            yield
            self._saves.wait()
            if torch.distributed.is_initialized():
                torch.distributed.barrier()  # whoever ends first has the others ended, too
        if self._stopped:
            raise stopping.Stopped

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._started = time.monotonic()
        self._course = speaking.Course("step", state.max_steps, done=state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._stopped = _is_anyone_told_to_stop(args.device)
        if self._stopped:
            control.should_save = control.should_training_stop = True
        elif state.global_step >= state.max_steps:
            control.should_save = False  # the model itself follows at once

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        entry = state.log_history[-1]
        if "loss" not in entry:
            return
        self._course.done = state.global_step
        step = f"step {state.global_step} of {state.max_steps}"
        if state.is_local_process_zero:
            self._job.write_course(f"{step}: {self._course.pace}")
        if state.is_world_process_zero:
            logger.info("%s: loss %.4f, %s", step, entry["loss"], self._course.pace)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._saves.wait()  # on all machines: whoever is behind would find the checkpoint before removed as half done
        name = _agreed(draw_name(state.global_step))  # by then, each process has written its share of the checkpoint
        if state.is_local_process_zero:
            folder = Path(args.output_dir, f"checkpoint-{state.global_step}")
            self._saves.start(folder, name, self.seconds)


def _agreed(name: str) -> str:
    """Return what the first of all processes has drawn, once all of them have come here."""
    if not torch.distributed.is_initialized():
        return name
    names = [name]
    torch.distributed.broadcast_object_list(names)
    torch.distributed.barrier()
    return names[0]


def _is_anyone_told_to_stop(device: torch.device) -> bool:
    """Return the same answer in all processes: they stop at the same step, or their checkpoint would be torn."""
    if not torch.distributed.is_initialized():
        return stopping.requested()
    told = torch.tensor(int(stopping.requested()), device=device)
    torch.distributed.all_reduce(told, op=torch.distributed.ReduceOp.MAX)
    return bool(told)
