"""A training, run in this process, or in one process a GPU by torch.distributed.run: the step's side, and theirs.

Two things pass between the step and its processes beside the job's file. On their standard input, a pipe of the
step's: a byte asks them to stop (one of them reads it; they agree on it at the end of a step), and its end says that
the step is gone, killed perhaps, so that no process trains on for nobody. And in the job's folder, how each one failed.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from components.shared import exit_codes, stopping
from components.shared.checkpoints import CheckpointStore
from components.shared.errors import InputError, UnavailableError
from components.shared.training_job import C, TrainingJob

POLL_SECONDS = 0.2
FAILURES = {kind.__name__: kind for kind in (InputError, UnavailableError)}

logger = logging.getLogger(__name__)


def run_training(job: TrainingJob[C], trainer_module: str) -> dict[str, float]:
    """Train, continuing from the last complete checkpoint; return the training's figures.

    ``trainer_module`` has a function ``train(job)`` and, run as a module, takes the job's file.
    """
    checkpoint = CheckpointStore(job.checkpoints_uri, job.config.layout).restore_latest(Path(job.folder, "checkpoints"))
    if checkpoint is not None:
        job = dataclasses.replace(job, resume_from=checkpoint.folder, seconds_before=checkpoint.seconds)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")  # TRL reports each training to the hub otherwise
    if job.config.processes == 1 and job.config.parallelism == "none":
        importlib.import_module(trainer_module).train(job)
    else:
        _launch(job, trainer_module)
    return job.read_metrics()


def _launch(job: TrainingJob[Any], trainer_module: str) -> None:
    """Train in as many processes as the job asks for, and wait for them; whoever is told to stop tells them.

    Raises what one of them raised, if it says what is to be done; UnavailableError where one was killed.
    """
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", str(job.config.processes), "-m", trainer_module, str(job.write())),
    ]
    logger.info("starting %d processes: %s", job.config.processes, " ".join(command))
    # What the processes print belongs to the log: standard output is for the folder's address alone.
    with (
        stopping.deferred(),  # they save a checkpoint first
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sys.stderr) as process,  # noqa: S603 -- our own module
    ):
        _wait(process)
        if process.returncode and not stopping.requested():
            _explain_failure(job)


def work(train: Callable[[TrainingJob[C]], None], config: type[C]) -> NoReturn:
    """Be one of the processes; the main function of a module with a trainer, called with the job's file."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    job = TrainingJob.read(sys.argv[1], config)
    try:
        with stopping.listening():
            threading.Thread(target=_follow_step, name="step", daemon=True).start()
            train(job)
    except (Exception, stopping.Stopped) as error:
        job.write_failure(int(os.environ["RANK"]), error)
        if isinstance(error, stopping.Stopped) or stopping.requested():  # another process may have got the signal
            sys.exit(exit_codes.STOPPED)
        raise
    sys.exit(exit_codes.DONE)


def _wait(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    told = False
    while process.poll() is None:
        if stopping.requested() and not told:
            process.stdin.write(b".")
            process.stdin.flush()
            told = True
        try:
            process.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _explain_failure(job: TrainingJob[Any]) -> NoReturn:
    failures = job.read_failures()
    for kind, message in failures:
        if kind in FAILURES:
            raise FAILURES[kind](message)
    if len(failures) < job.config.processes:
        raise UnavailableError(
            f"one of the {job.config.processes} processes that train was killed, of too little memory most often (the "
            "log above says more); the same command continues from the last checkpoint"
        )
    raise RuntimeError("; ".join(f"{kind}: {message}" for kind, message in failures))


def _follow_step() -> None:
    while os.read(sys.stdin.fileno(), 1):
        os.kill(os.getpid(), signal.SIGTERM)
    os._exit(exit_codes.STOPPED)
