"""Does a step's work as a Job: attaches to the one that runs or makes the next, follows it, and ends as it ends."""

from __future__ import annotations

from components.shared.config import StepConfig
from components.shared.jobs import JobRequest
from components.shared.workspace import Workspace


def run_as_job(config: StepConfig, workspace: Workspace, request: JobRequest) -> str:
    """Return the folder's address as soon as it is finished.

    Raises what the step would raise in this process: InputError, UnavailableError, RuntimeError.
    """
    folder = workspace.open(config)
    if folder.finished:
        return folder.uri
    raise NotImplementedError(f"a Job of {request.pods} pods of {request.image}")
