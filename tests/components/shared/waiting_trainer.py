"""A trainer that trains nothing, quickly: what it does instead stands where the job has the model's path.

``python -m tests.components.shared.waiting_trainer launch FOLDER BEHAVIOUR`` is the step's side, with two processes.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from components.shared import stopping
from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.training.job import TrainingJob
from components.shared.training.torchrun import run_training, work
from components.train_sft.config import TrainSftConfig

SECONDS = 60.0  # that a process waits for a signal


def train(job: TrainingJob[TrainSftConfig]) -> None:
    """Do what the job says in the first of the processes, and wait in the other; both meet first, as trainers do."""
    Path(job.folder, f"process-{os.environ['RANK']}").write_text(str(os.getpid()))
    while len(list(Path(job.folder).glob("process-*"))) < job.config.processes:
        stopping.sleep(0.05)
    if os.environ["RANK"] == "0":
        match job.model:
            case "refuse":
                raise InputError("access denied")
            case "fail to reach":
                raise UnavailableError("the store does not answer")
            case "have a bug":
                raise ZeroDivisionError("division by zero")
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "end":
                job.write_metrics({"loss_last": 0.5})
    if job.model != "end":
        stopping.sleep(SECONDS)


def launch(folder: Path, behaviour: str) -> dict[str, float] | None:
    """Train with two processes."""
    config = TrainSftConfig(workspace=str(folder), model="", examples="", num_processes=2, batch_size=8)
    return run_training(
        TrainingJob(
            config=config, folder=str(folder), model=behaviour, checkpoints_uri=str(folder / "none"), end_tokens=()
        ),
        "tests.components.shared.waiting_trainer",
    )


def main() -> NoReturn:
    """Be the step."""
    try:
        with stopping.listening():
            launch(Path(sys.argv[2]), sys.argv[3])
    except stopping.Stopped:
        sys.exit(ExitCode.STOPPED)
    sys.exit(ExitCode.DONE)


if __name__ == "__main__":
    if sys.argv[1] == "launch":
        main()
    work(train, TrainSftConfig)
