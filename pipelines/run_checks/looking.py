"""Which folders of a run are finished, which are begun and which are new, and why; nothing is begun.

The steps look for their folders themselves, as they would in the run, one after another.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from components.shared.config import StepConfig, info_of, options_of
from components.shared.errors import InputError, NotAllowedError, NotHereError, UnavailableError
from components.shared.workspace import StepFolder, Workspace
from components.shared.workspace.manifests import Manifest
from components.shared.workspace.plans import Plan
from components.shared.workspace.rows import Rows
from components.shared.workspace.unfinished import read_unfinished
from pipelines.arguments import Run, config_of_step, in_parameters
from pipelines.compiled_pipeline import LATER, Outputs, PlannedStep
from pipelines.run_checks.vantage import Vantage

State = Literal["reused", "continued", "new", "not known"]
Ahead = Callable[[PlannedStep, StepConfig], None]


@dataclass(frozen=True, kw_only=True)
class Looked:
    """One step of a run, and what stands of its work."""

    step: PlannedStep
    state: State
    folder: str = ""  # its address as far as it is known
    why: str = ""
    described: Manifest | Plan | None = None  # of a folder that is reused or continued
    note: str = ""  # what is not known of it, and does not keep it from working


class NotFinishedError(Exception):
    """A folder of the run is not finished."""

    def __init__(self, folder: StepFolder) -> None:
        super().__init__(folder.uri)
        self.folder = folder


class Looking(Workspace):
    """A workspace in which nobody begins anything."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.manifests: dict[str, Manifest] = {}  # of the folders that were opened, by address

    def open(self, config: StepConfig, *inputs: Rows[Any]) -> StepFolder:
        """Find a folder; NotFinishedError if it is not finished."""
        folder = super().open(config, *inputs)
        if not folder.finished:
            raise NotFinishedError(folder)
        self.manifests[folder.uri] = folder.manifest
        return folder


def look_at_steps(run: Run, ahead: Ahead, vantage: Vantage) -> list[Looked]:
    """Return each step of a run in its order, with what stands of it.

    ``ahead`` checks a step that has work to do, for what is outside of the workspace. Where steps run elsewhere, a
    package or a hub that this environment lacks says nothing of the step's own pod. InputError in terms of the run's
    parameters, and UnavailableError, if a step's input cannot be read.
    """
    looked: list[Looked] = []
    says_nothing: tuple[type[Exception], ...] = () if vantage.runs_steps else (NotHereError, ImportError)
    says_nothing += (UnavailableError,) if vantage.is_outside else ()
    known: dict[StepConfig, Looked] = {}  # a model is imported for each that uses it, and looked for once

    def look(step: PlannedStep) -> Outputs:
        if step.passes_on:
            return {}
        config = config_of_step(step)
        if config not in known:
            with _in_parameters(step):
                try:
                    known[config] = _look(step, config, ahead, vantage.reads_store)
                except says_nothing as error:
                    known[config] = Looked(step=step, state="not known", why=str(error))
        found = known[config]
        looked.append(replace(found, step=step))
        return {"folder": found.folder} if found.state == "reused" else {}

    run.walk(look)
    return looked


def _look(step: PlannedStep, config: StepConfig, ahead: Ahead, reads_workspace: bool) -> Looked:
    unread = Looked(step=step, state="not known", why="the workspace cannot be read from here")
    looked = _standing(step, config) if reads_workspace else unread
    if looked.state != "reused":
        ahead(step, config)
    return looked


@contextlib.contextmanager
def _in_parameters(step: PlannedStep) -> Iterator[None]:
    """Say errors in terms of the run's parameters."""
    try:
        yield
    except InputError as error:
        kind = NotAllowedError if isinstance(error, NotAllowedError) else InputError
        raise kind(in_parameters(step, str(error))) from error
    except UnavailableError as error:
        raise UnavailableError(in_parameters(step, str(error))) from error


def _standing(step: PlannedStep, config: StepConfig) -> Looked:
    folders = [field.name for field in options_of(type(config)) if info_of(field).is_folder]
    if any(step.options.get(name) is LATER for name in folders):
        return Looked(step=step, state="new", why="reads what this run makes")
    workspace = Looking(config.workspace)
    try:
        folder: str = importlib.import_module(f"components.{step.name}.step").run(config, workspace)
    except NotFinishedError as unfinished:
        return _of_unfinished(step, unfinished.folder)
    return Looked(step=step, state="reused", folder=folder, described=workspace.manifests[folder])


def _of_unfinished(step: PlannedStep, folder: StepFolder) -> Looked:
    if begun := read_unfinished(folder.uri):
        total = len(begun.plan.slices)
        done = f"{total - len(begun.missing)} of {total} parts are written" if total else "it is not finished"
        return Looked(step=step, state="continued", folder=folder.uri, why=done, described=begun.plan)
    return Looked(step=step, state="new", folder=folder.uri, why=folder.difference() or "first of its step here")
