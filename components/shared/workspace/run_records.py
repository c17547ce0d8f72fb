"""What a workspace keeps of the runs of `scalequest run`: what each was, its steps' logs, how it ended.

::

    _runs/20261130-111635-smoke-3f9c61/run.json                  what runs, where, since when
    _runs/20261130-111635-smoke-3f9c61/001-import_model.log      each written when its step has ended
    _runs/20261130-111635-smoke-3f9c61/end.json                  written last: how it ended

A run that its first step refuses leaves nothing. One that is killed leaves no ``end.json``.
"""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from components.shared import processes
from components.shared.errors import HELD, InputError, UnavailableError
from components.shared.stores import storage
from components.shared.stores.inventory import StoredObject, below, list_objects
from components.shared.workspace.listing import WorkspaceListing

RUNS = "_runs"
RECORD, END = "run.json", "end.json"
THREADS = 16

State = Literal["running", "succeeded", "failed", "stopped", "died", "not known"]

_LOG = re.compile(r"(?P<number>\d{3,})-(?P<step>.+)\.log")
# Exit codes of a run that a signal ended, its budget or a gate.
_STOPPED = (129, 130, 143, *(kind.exit_code for kind in HELD))

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What runs."""

    name: str
    preset: str
    pipeline: str
    num_steps: int
    command: str
    host: str  # the machine
    process: str  # as ``processes`` names it
    began_at: str
    logs: str  # the directory there in which the log of the running step grows


@dataclass(frozen=True, kw_only=True)
class RunEnd:
    """How a run ended."""

    ended_at: str
    exit_code: int
    steps_done: int
    folder: str  # that its last step made; "" where the run did not get there
    message: str  # why it failed, or ""

    @property
    def state(self) -> Literal["succeeded", "failed", "stopped"]:
        """What its exit code says."""
        if self.exit_code in _STOPPED:
            return "stopped"
        return "failed" if self.exit_code else "succeeded"


@dataclass(frozen=True, kw_only=True)
class KeptRun:
    """A run as its workspace knows it."""

    uri: str
    record: RunRecord
    end: RunEnd | None
    logs: Sequence[str]  # the names of its steps' logs, in the order in which they ended

    @property
    def steps_done(self) -> int:
        """How many of its steps have ended, as far as it can be seen from here."""
        return self.end.steps_done if self.end else len(self.logs)

    @property
    def state(self) -> State:
        """What it is at, as far as it can be seen from here."""
        return self.end.state if self.end else _STATES[processes.state_of(self.record.process)]


_STATES: dict[processes.State, State] = {"alive": "running", "dead": "died", "unknown": "not known"}


class RunRecorder:
    """Writes down one run; what cannot be written is logged, and the run goes on."""

    def __init__(self, workspace: str, *, preset: str, pipeline: str, num_steps: int, command: str) -> None:
        began = datetime.now(UTC)
        process = processes.own_name()
        name = f"{began:%Y%m%d-%H%M%S}-{re.sub('[^A-Za-z0-9_.-]', '_', preset)}-{process[-6:]}"
        self.uri = storage.join(workspace, RUNS, name)
        self._record = RunRecord(
            name=name,
            preset=preset,
            pipeline=pipeline,
            num_steps=num_steps,
            command=command,
            host=processes.host(),
            process=process,
            began_at=began.isoformat(timespec="seconds"),
            logs="",
        )
        self.began = False  # whether anything is written
        self._steps_done = 0

    @property
    def record(self) -> RunRecord:
        """What runs."""
        return self._record

    def keep_log(self, name: str, content: bytes, *, directory: str, exit_code: int) -> None:
        """Keep the log of a step that has ended; nothing of a run whose first step did not end well."""
        if exit_code and not self.began:
            return
        if not self.began:
            self.began = True
            self._record = dataclasses.replace(self._record, logs=directory)
            self._write(RECORD, self._record)
        self._steps_done += exit_code == 0
        self._try(lambda: storage.create(storage.join(self.uri, name), content))

    def ended(self, exit_code: int, folder: str, message: str = "") -> RunEnd:
        """Return how the run has ended, just now."""
        return RunEnd(
            ended_at=datetime.now(UTC).isoformat(timespec="seconds"),
            exit_code=exit_code,
            steps_done=self._steps_done,
            folder=folder,
            message=message,
        )

    def keep_end(self, end: RunEnd) -> None:
        """Write down how the run has ended."""
        if self.began:
            self._write(END, end)

    def _write(self, name: str, content: RunRecord | RunEnd) -> None:
        self._try(lambda: storage.create_json(storage.join(self.uri, name), dataclasses.asdict(content)))

    def _try(self, write: Any) -> None:
        try:
            write()
        except (InputError, UnavailableError, FileExistsError) as error:
            logger.warning("of this run, something is not kept in %s: %s", self.uri, error)


def read_runs(listing: WorkspaceListing) -> list[KeptRun]:
    """Return the runs that a workspace knows, oldest first."""
    return _read_all(_runs_of(listing))


def unended_runs(listing: WorkspaceListing) -> list[KeptRun]:
    """Return the runs whose end is not known: those at work, and those that were killed; oldest first."""
    return _read_all({uri: names for uri, names in _runs_of(listing).items() if END not in names})


def newest_run(workspace: str) -> KeptRun | None:
    """Return the run that began last; None where a workspace knows none."""
    listed = _by_run(workspace, list_objects(storage.join(workspace, RUNS)))
    newest = max(listed, default="")
    return _read(newest, listed[newest]) if newest else None


def read_run(uri: str) -> KeptRun:
    """Return a run by its address; InputError where none is there."""
    names = [each.name for each in list_objects(uri)]
    if RECORD not in names:
        raise InputError(
            f"{uri}: no run is kept here ({RECORD} is missing); `scalequest list WORKSPACE` names the runs"
        )
    return _read(uri, names)


def step_of_log(name: str) -> str:
    """Return the step whose log has that name."""
    match = _LOG.fullmatch(name)
    assert match, name
    return match["step"]


def _runs_of(listing: WorkspaceListing) -> dict[str, list[str]]:
    return _by_run(listing.uri, below(listing.objects, RUNS))


def _by_run(workspace: str, objects: Sequence[StoredObject]) -> dict[str, list[str]]:
    """Return the names of what each run has left in ``_runs/``, by the run's address, oldest first."""
    place = storage.join(workspace, RUNS)
    names: dict[str, list[str]] = {}
    for each in objects:
        run, _, name = each.name.partition("/")
        names.setdefault(storage.join(place, run), []).append(name)
    return {uri: names[uri] for uri in sorted(names) if RECORD in names[uri]}


def _read_all(listed: Mapping[str, Sequence[str]]) -> list[KeptRun]:
    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(lambda item: _read(*item), listed.items()))


def _read(uri: str, names: Sequence[str]) -> KeptRun:
    record = _content(storage.join(uri, RECORD), RunRecord)
    end = _content(storage.join(uri, END), RunEnd) if END in names else None
    return KeptRun(uri=uri, record=record, end=end, logs=sorted(filter(_LOG.fullmatch, names)))


def _content(uri: str, kind: type[Any]) -> Any:
    try:
        return kind(**storage.read_json(uri))
    except TypeError as error:
        raise InputError(f"{uri} was written by another version of ScaleQuest; use that one, or delete it") from error
