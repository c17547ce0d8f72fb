"""`scalequest logs`: what the steps of a run have logged: of a run here from its workspace, else from its pods."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from components.shared import processes
from components.shared.config.values import nearest
from components.shared.errors import ExitCode, InputError
from components.shared.redaction import redacted
from components.shared.stores import storage
from components.shared.workspace.run_records import RUNS, KeptRun, newest_run, read_run, step_of_log
from components.steps import step_names
from pipelines.reporting import exit_code_of, visible


@dataclass(frozen=True, kw_only=True)
class Log:
    """What a step has logged, here or in one of its pods."""

    step: str
    title: str
    text: str


def show_logs(address: str, step: str, *, as_json: bool = False) -> int:
    """Print the logs of a run, or of those of its steps that have a name; return the exit code.

    ``address``: a workspace, whose newest run is meant, or one of its runs.
    """
    return exit_code_of("logs", lambda: _show(_run_at(address), step, as_json))


def write_log(log: Log, *, as_json: bool) -> None:
    """Print a log under its title, or an object for each of its lines.

    Neither secrets nor anything that a terminal obeys goes through.
    """
    text = redacted(log.text)
    if not as_json:
        sys.stdout.write(f"==> {visible(log.title)} <==\n{visible(text)}\n")
        return
    for line in text.removesuffix("\n").split("\n") if text else ():
        told = {"step": log.step, "log": log.title, "line": line}  # masked above: secrets are looked for but once
        sys.stdout.write(f"{json.dumps(told)}\n")


def _run_at(address: str) -> KeptRun:
    if f"/{RUNS}/" in address:
        return read_run(address.rstrip("/"))
    run = newest_run(address)
    if run is None:
        raise InputError(
            f"{address}: no run is kept here; expected a workspace in which `scalequest run` was at work, or, with "
            "--namespace, what submit printed"
        )
    return run


def _show(run: KeptRun, step: str, as_json: bool) -> int:
    if step and step not in step_names():
        raise InputError(f"unknown step {step!r}; {nearest(step, step_names())}")
    found = False
    for log in _logs(run):
        if step in ("", log.step):
            write_log(log, as_json=as_json)
            found = True
    if not found:
        has = ", ".join(dict.fromkeys(map(step_of_log, run.logs))) or "none yet"
        raise InputError(f"{run.uri} has no log{f' of {step}' if step else ''}; it has those of: {has}")
    return ExitCode.DONE


def _logs(run: KeptRun) -> Iterator[Log]:
    """Yield each log that is kept, then that of the running step, where it is on this machine."""
    for name in run.logs:
        yield _log(name, storage.read_bytes(storage.join(run.uri, name)).decode(errors="replace"))
    if run.end is None and processes.state_of(run.record.process) != "unknown":
        with contextlib.suppress(OSError):
            for path in sorted(Path(run.record.logs).glob("*-*.log")):
                if path.name not in run.logs:
                    yield _log(path.name, path.read_text(encoding="utf-8", errors="replace"))


def _log(name: str, text: str) -> Log:
    return Log(step=step_of_log(name), title=name, text=text)
