"""Several processes on this machine that share a step, as the pods of a Job do.

Each is the step's own command and takes the next part that nobody has. So whatever one of them leaves, the others do,
and only whether the folder is finished at the end decides. Where this machine has GPUs, each process has its own.
"""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from components.shared import speaking, stopping
from components.shared.accelerators import VISIBLE, accelerators
from components.shared.command.termination_message import FILE_VARIABLE, words_in
from components.shared.config import SharedConfig
from components.shared.errors import FINAL, ExitCode, InputError, UnavailableError, held_with
from components.shared.processes import RUNNER
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.planning import words_of

POLL_SECONDS = 0.2
_STANDARD_ERROR = 2

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Sharer:
    """One of the processes."""

    name: str  # for people: "process 2 of 8"
    popen: subprocess.Popen[bytes]
    message_file: Path

    @property
    def message(self) -> str:
        """The termination message that it left, "" for none."""
        return storage.read_bytes(str(self.message_file)).decode(errors="replace")

    @property
    def end(self) -> str:
        """How it ended, in the words that it left if it did."""
        code, message = self.popen.returncode, self.message
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return f"{self.name} {how}{f': {message}' if message else ''}"


def run_in_processes(config: SharedConfig, workspace: Workspace, number: int) -> str:
    """Do a step's work in so many processes; return the folder's address once it is finished.

    InputError where one found bad input (the others are stopped then), or this machine lacks GPUs for all; RuntimeError
    where one ended by a bug of ours; UnavailableError where they left something undone for another reason.
    """
    folder = workspace.open(config)
    if folder.finished:
        return folder.uri
    environments = _environments(config, number)
    with TemporaryDirectory(prefix="scalequest-") as place, _ended_at_exit() as sharers:
        for which, environment in enumerate(environments, start=1):
            name = f"process {which} of {number}"
            sharers.append(_start(config, name, environment, Path(place, str(which))))
        with speaking.phase(f"{number} processes at work"):
            _wait(sharers)
        if not storage.exists(storage.join(folder.uri, MANIFEST)):
            _raise_why(sharers, folder.uri)
    return folder.uri


def _environments(config: SharedConfig, number: int) -> list[dict[str, str]]:
    """Return what the environment of each process says of GPUs: nothing where it uses none, or there are none."""
    there, each = accelerators(), config.num_gpus
    if not there or not each:
        return [{}] * number
    if number * each > len(there):
        raise InputError(
            f"pods {number} with {each} GPU{'s' if each > 1 else ''} each need {number * each} on this machine, which "
            f"has {len(there)}; give pods={max(1, len(there) // each)}, or a machine with more"
        )
    return [{VISIBLE: ",".join(there[first * each : (first + 1) * each])} for first in range(number)]


def _start(config: SharedConfig, name: str, environment: dict[str, str], message_file: Path) -> _Sharer:
    storage.create(str(message_file), b"")
    popen = subprocess.Popen(  # noqa: S603 - the command is the step's own
        [sys.executable, *words_of(config)[1:]],
        stdin=subprocess.DEVNULL,
        stdout=_STANDARD_ERROR,  # standard output is for one address, which this process prints
        env={**os.environ, **environment, RUNNER: str(os.getpid()), FILE_VARIABLE: str(message_file)},
    )
    stopping.kill_at_end(popen)
    return _Sharer(name=name, popen=popen, message_file=message_file)


def _wait(sharers: Sequence[_Sharer]) -> None:
    """Wait until all have ended, or one has found what ends them all; warn of each that died."""
    running = list(sharers)
    while running:
        for sharer in [each for each in running if each.popen.poll() is not None]:
            running.remove(sharer)
            if sharer.popen.returncode in FINAL:
                return
            if sharer.popen.returncode:
                logger.warning("%s; %d others go on with its parts", sharer.end, len(running))
        stopping.sleep(POLL_SECONDS)


def _raise_why(sharers: Sequence[_Sharer], folder: str) -> None:
    """Raise for what is most telling: bad input, then a bug of ours, then anything that may pass."""
    for sharer in sharers:
        if sharer.popen.returncode == ExitCode.BAD_INPUT:
            raise InputError(words_in(sharer.message))
        if held := held_with(sharer.popen.returncode, words_in(sharer.message)):
            raise held
    for sharer in sharers:
        if sharer.popen.returncode == ExitCode.BUG:
            raise RuntimeError(sharer.end)
    died = [sharer.end for sharer in sharers if sharer.popen.returncode]
    raise UnavailableError(
        f"{folder} is not finished though its {len(sharers)} processes have ended "
        f"({'; '.join(died) or 'each left the last parts to the others'}); finished parts are kept: start the same "
        "command again"
    )


@contextlib.contextmanager
def _ended_at_exit() -> Iterator[list[_Sharer]]:
    """Yield a list of processes; those that still run at the end of the block are told to stop, and waited for."""
    sharers: list[_Sharer] = []
    try:
        yield sharers
    finally:
        running = [sharer.popen for sharer in sharers if sharer.popen.poll() is None]
        for popen in running:
            popen.terminate()
        for popen in running:
            popen.wait()
