"""Whether the work of a run is done already, found here, before anything is submitted.

The steps look for their folders as they would in the run, one after another, in a workspace that begins nothing.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
from collections.abc import Iterator
from typing import Any

from components.shared.command.kubeflow_artifacts import ShownFolder
from components.shared.command.step_command import parse_config
from components.shared.config import StepConfig
from components.shared.stores import storage
from components.shared.stores.retries import LIMIT_VARIABLE
from components.shared.workspace import StepFolder, Workspace
from components.shared.workspace.rows import Rows
from components.steps import config_of
from pipelines.arguments import Run
from pipelines.compiled_pipeline import executor_input_of_command, step_of_command

PATIENCE_SECONDS = "15"  # for a store or a hub: whoever submits can do without an answer

logger = logging.getLogger(__name__)


class _UnfinishedError(Exception):
    """A folder of the run is not finished."""


class _Looking(Workspace):
    """A workspace in which nobody begins anything."""

    def open(self, config: StepConfig, *inputs: Rows[Any]) -> StepFolder:
        """Find a folder; _UnfinishedError if it is not finished."""
        folder = super().open(config, *inputs)
        if not folder.finished:
            raise _UnfinishedError(folder.uri)
        return folder


def find_finished(run: Run, workspace: str) -> str:
    """Return the address of a run's last folder if all its folders are finished; "" if not, or if that is not known."""
    try:
        with _impatient():
            if not storage.list_names(storage.join(workspace, run.steps[-1].name)):
                return ""
            return _walk(run)
    except Exception as error:  # noqa: BLE001 - keys that this machine lacks, a package, a hub: the run finds out itself
        logger.debug("it is not known whether the run is finished: %s", error)
        return ""


def _walk(run: Run) -> str:
    from pipelines.local_runner import walk_compiled  # takes seconds to load

    folders: list[str] = []

    def look(command: list[str]) -> None:
        step = step_of_command(command)
        told = json.dumps(executor_input_of_command(command))
        config, task = parse_config(config_of(step), ["--executor-input", told])
        assert task is not None, command
        folder: str = importlib.import_module(f"components.{step}.step").run(config, _Looking(config.workspace))
        task.report(ShownFolder(folder=folder, artifacts=config.ARTIFACTS))
        folders.append(folder)

    walk_compiled(run.pipeline.path, run.arguments, look)
    return folders[-1]


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """Wait for stores and hubs less long than a step would, unless the environment says how long."""
    if LIMIT_VARIABLE in os.environ:
        yield
        return
    os.environ[LIMIT_VARIABLE] = PATIENCE_SECONDS
    try:
        yield
    finally:
        del os.environ[LIMIT_VARIABLE]
