"""Where a run is, for the commands that change it: its state, its Workflow, and the namespace that its pods are in."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any

import kfp

from components.shared.errors import InputError
from components.shared.jobs.job_profiles import is_name, profile_of_json
from components.shared.plain_text import inert
from pipelines.cluster.kubeflow_api import get_run_by_old_api, parameters_of
from pipelines.cluster.workflow import read_workflow

_GOING_ON = {"", "PENDING", "RUNNING", "PAUSED", "CANCELING"}  # what Kubeflow says before the end; at first nothing


@dataclass(frozen=True, kw_only=True)
class RunPlace:
    """A run, as Kubeflow knows it."""

    run_id: str
    state: str  # Kubeflow's word
    workflow: str  # "" before Kubeflow has made it
    namespace: str
    training_nodes: int

    @property
    def has_ended(self) -> bool:
        """Whether Kubeflow starts nothing more for it."""
        return self.state not in _GOING_ON

    @property
    def is_being_terminated(self) -> bool:
        """Whether somebody has asked for its end already."""
        return self.state == "CANCELING"


def find_run(client: kfp.Client, run_id: str, namespace: str) -> RunPlace:
    """Ask where a run is; without a Workflow in ``namespace``."""
    run = client.get_run(run_id)
    workflow = read_workflow(get_run_by_old_api(client, run_id))
    return RunPlace(
        run_id=inert(run_id),
        state=_state_of(run),
        workflow=workflow.name,
        namespace=workflow.namespace or namespace,
        training_nodes=_training_nodes(str(parameters_of(run).get("profile", ""))),
    )


def look_again(client: kfp.Client, place: RunPlace) -> RunPlace:
    """Ask for a run's state alone, as soon as its Workflow is known, which comes with all of its nodes."""
    if not place.workflow:
        return find_run(client, place.run_id, place.namespace)
    return replace(place, state=_state_of(client.get_run(place.run_id)))


def _training_nodes(profile: str) -> int:
    """Return on how many nodes the trainings of a run are; 1 for a profile by name, which only its cluster knows."""
    with contextlib.suppress(InputError):
        return 1 if is_name(profile) else profile_of_json(profile).training_nodes
    return 1


def _state_of(run: Any) -> str:
    return inert(run.state or "")
