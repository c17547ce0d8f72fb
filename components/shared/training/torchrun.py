"""A training in this process, or in one process for each GPU that torchrun starts: the step's side, and theirs.

With several machines, the step does this on each of them, and torchrun connects all processes.

Beside the job's file, two things pass between the step and its processes. The first is a pipe, their standard input: a
byte asks them to stop (one of them reads it, and they agree on it at the end of a training step), and its end says that
the step is gone, perhaps killed, so that no process trains on for nobody. The second is a file in the job's folder for
each process that failed. A process that is deep in a library when its end comes is killed as soon as torchrun is gone.
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

from components.shared import speaking, stopping
from components.shared.accelerators import num_accelerators
from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.log_lines import start_logging
from components.shared.processes import end_with_parent
from components.shared.training._checkpoints import CheckpointStore
from components.shared.training._compiler_locks import remove_dead_locks
from components.shared.training.job import C, TrainingJob
from components.shared.training.nodes import NODES_SECONDS, Node, own_node

POLL_SECONDS = 0.2
LOST = "the processes of another node are gone; the same command continues from the last checkpoint"
FAILURES = {kind.__name__: kind for kind in (InputError, UnavailableError)}

logger = logging.getLogger(__name__)


def run_training(job: TrainingJob[C], trainer_module: str) -> dict[str, float] | None:
    """Train, continuing from the last complete checkpoint; return the training's figures.

    None on all machines but the first, which has the model and finishes the folder. ``trainer_module`` has a function
    ``train(job)`` and, run as a module, takes the job's file.
    """
    checkpoint = CheckpointStore(job.checkpoints_uri, job.config.layout).restore_latest(Path(job.folder, "checkpoints"))
    if checkpoint is not None:
        job = dataclasses.replace(
            job, checkpoint=checkpoint.name, resume_from=checkpoint.folder, seconds_before=checkpoint.seconds
        )
    node = own_node(job.config)
    if node is not None:
        job = dataclasses.replace(job, node=node.rank)
    with speaking.phase("training", job.read_course):
        # Where more GPUs than one are seen, transformers would spread a process of its own over all of them.
        if job.config.processes == 1 and job.config.parallelism == "none" and num_accelerators() <= 1:
            importlib.import_module(trainer_module).train(job)
        else:
            _launch(job, trainer_module, node)
    return job.read_metrics() if job.node == 0 else None


def _launch(job: TrainingJob[Any], trainer_module: str, node: Node | None) -> None:
    """Train in as many processes as the job asks for here, and wait for them; whoever is told to stop tells them.

    Raises what one of them raised, if it says what is to be done; UnavailableError if one was killed.
    """
    command = [
        *(sys.executable, "-m", "torch.distributed.run", *_meeting_place(job.config.num_nodes, node)),
        *("--nproc-per-node", str(job.config.processes_here)),
        *("--log-dir", str(Path(job.folder, "torchrun"))),  # it never removes the folder that it would make itself
        *("-m", trainer_module, str(job.write())),
    ]
    remove_dead_locks()
    logger.info("starting %d of %d processes: %s", job.config.processes_here, job.config.processes, " ".join(command))
    # What the processes print belongs to the log: standard output is for the folder's address alone.
    with (
        stopping.deferred(),  # they save a checkpoint first
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sys.stderr) as process,  # noqa: S603 -- our own module
    ):
        stopping.kill_at_end(process)
        _wait(process)
        if process.returncode and not stopping.requested():
            _explain_failure(job)


def _meeting_place(num_nodes: int, node: Node | None) -> list[str]:
    """Return the options that say where the processes of all machines find each other."""
    if node is None:
        return ["--standalone"]
    return [
        *("--nnodes", str(num_nodes), "--node-rank", str(node.rank), "--rdzv-conf", f"timeout={NODES_SECONDS}"),
        *("--master-addr", node.address, "--master-port", str(node.port)),
    ]


def work(train: Callable[[TrainingJob[C]], None], config: type[C]) -> NoReturn:
    """Be one of the processes; the main function of a module with a trainer, called with the job's file."""
    end_with_parent(signal.SIGKILL)
    start_logging()
    job = TrainingJob.read(sys.argv[1], config)
    try:
        with stopping.listening():
            threading.Thread(target=_follow_step, name="step", daemon=True).start()
            train(job)
    except (Exception, stopping.Stopped) as error:
        told = UnavailableError(f"{LOST}: {error}") if job.config.num_nodes > 1 and _has_lost_others(error) else error
        job.write_failure(int(os.environ["RANK"]), told)
        if isinstance(error, stopping.Stopped) or stopping.requested():  # another process may have got the signal
            sys.exit(ExitCode.STOPPED)
        raise
    logging.shutdown()
    os._exit(ExitCode.DONE)  # threads of libraries that still run abort a process that tidies up


def _has_lost_others(error: BaseException) -> bool:
    """Tell whether a process failed because it does not hear of another one any more, by PyTorch's own words for it."""
    kinds = {kind.__name__ for kind in type(error).__mro__}  # NCCL's errors have a kind of their own, gloo's have none
    return "DistError" in kinds or "gloo/transport" in str(error)


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
    if len(failures) == job.config.processes_here and {kind for kind, _ in failures} == {stopping.Stopped.__name__}:
        raise UnavailableError(
            "another node was told to stop, and all saved their current training step; the same command continues"
        )
    if len(failures) < job.config.processes_here:
        raise UnavailableError(
            f"one of the {job.config.processes_here} processes that train here was killed, most often because memory "
            "ran out, or other nodes did not join in time (see the log above); the same command continues from the "
            "last checkpoint"
        )
    raise RuntimeError("; ".join(f"{kind}: {message}" for kind, message in failures))


def _follow_step() -> None:
    while os.read(sys.stdin.fileno(), 1):
        os.kill(os.getpid(), signal.SIGTERM)
    os._exit(ExitCode.STOPPED)
