"""Steps in processes of their own that get a real signal at a chosen call: SIGKILL, as the kernel sends it, or SIGTERM.

A fork server loads torch and TRL once; each process of a step then starts in a tenth of a second.
"""

from __future__ import annotations

import functools
import importlib
import logging
import multiprocessing
import os
import shlex
import signal
import sys
import tempfile
import threading
import time
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from components.shared.command.step_command import run_step
from components.shared.config import StepConfig
from components.shared.workspace.planning import command_of

TRAINERS = [f"components.{step}.trainer" for step in ("train_sft", "train_dpo", "train_scorer")]


@dataclass(frozen=True, kw_only=True)
class Fate:
    """A signal that a process gets some time after it has begun a call of a function; 1 is the first.

    ``hangs``: the call goes on for longer than anybody waits.
    """

    function: str  # module:name or module:Class.name
    call: int = 1
    seconds: float = 0.0
    signal: signal.Signals = signal.SIGKILL
    hangs: bool = False


def live(
    config: StepConfig, log: Path, fates: Sequence[Fate] = (), environment: Mapping[str, str] | None = None
) -> int:
    """Run a step as a command until it ends; return its exit code, negative where a signal killed it."""
    process = start(config, log, fates, environment)
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def start(
    config: StepConfig, log: Path, fates: Sequence[Fate] = (), environment: Mapping[str, str] | None = None
) -> BaseProcess:
    """Start a step as a command; what it prints goes to ``log``, and its temporary files stand beside that."""
    _load_trainers_once()
    context = multiprocessing.get_context("forkserver")
    given = {**os.environ, "TMPDIR": str(log.parent), **(environment or {})}
    process = context.Process(target=_live, args=(config, str(log), list(fates), given))
    process.start()
    return process


def _load_trainers_once() -> None:
    """End the fork server that other tests have left: it has not loaded what takes each process seconds to load."""
    server: Any = forkserver._forkserver
    if server._preload_modules != TRAINERS:
        server._stop()
        server.set_forkserver_preload(TRAINERS)


def descendants_of(process: int) -> list[int]:
    """Return all processes that a process has started, and those that these have started."""
    children = Path("/proc", str(process), "task", str(process), "children").read_text(encoding="ascii").split()
    return [each for child in map(int, children) for each in (child, *descendants_of(child))]


def is_alive(process: int) -> bool:
    """Tell whether a process has not ended yet."""
    try:
        return Path("/proc", str(process), "stat").read_text(encoding="utf-8").rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def _live(config: StepConfig, log: str, fates: list[Fate], environment: dict[str, str]) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, sys.stdout.fileno())
    os.dup2(file, sys.stderr.fileno())
    os.environ.clear()  # it is the server's, as it was in the test that started that
    os.environ.update(environment)
    tempfile.tempdir = None  # of the server, too
    importlib.import_module("torch").set_num_threads(1)  # threads that wait for each other take long on a busy machine
    logging.getLogger().handlers.clear()  # of the server: the step's own command says where to log
    for fate in fates:
        _meet(fate)
    step = importlib.import_module(f"components.{config.step}.step")
    run_step(typing.get_type_hints(step.run)["config"], step.run, _words_of(config))


def _meet(fate: Fate) -> None:
    module, _, path = fate.function.partition(":")
    *owners, name = path.split(".")
    owner = functools.reduce(getattr, owners, importlib.import_module(module))
    function: Callable[..., Any] = getattr(owner, name)
    calls = iter(range(1, sys.maxsize))

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == fate.call:
            if fate.seconds:
                threading.Thread(target=_strike, args=(fate,), daemon=True).start()
            else:
                os.kill(os.getpid(), fate.signal)
            if fate.hangs:
                time.sleep(600)
        return function(*args, **kwargs)

    setattr(owner, name, wrapped)


def _strike(fate: Fate) -> None:
    time.sleep(fate.seconds)
    os.kill(os.getpid(), fate.signal)


def _words_of(config: StepConfig) -> list[str]:
    """Return the command line of a step behind its name."""
    return shlex.split(command_of(config))[3:]
