"""From where a run is looked at: what can be asked there, and what an answer means for the run's pods."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Vantage:
    """What a process has in common with the steps of the run that it checks."""

    reads_store: bool  # the store's keys
    asks_endpoints: bool  # the keys of endpoints and of the hub, and the way to their servers
    runs_steps: bool  # the packages: the steps run in this environment, and not in images of their own
    is_outside: bool = False  # of the cluster: what does not answer here may answer the run's pods


LAPTOP = Vantage(reads_store=True, asks_endpoints=True, runs_steps=True)
FIRST_TASK = Vantage(reads_store=True, asks_endpoints=True, runs_steps=False)
SUBMITTER = Vantage(reads_store=True, asks_endpoints=False, runs_steps=False, is_outside=True)
