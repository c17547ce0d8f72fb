"""What `scalequest doctor` examines, and what its checks find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.cluster.options import Cluster


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """The run that is checked."""

    workspace: str
    cluster: Cluster
    training_nodes: int = 1
    store_secret: str  # with the store's endpoint and keys, for every step
    preset: str = ""  # whose models, files and endpoints are checked, too; "" for none
    settings: Sequence[str] = ()
    pipeline: str = ""

    @property
    def account(self) -> str:
        """Who the run's pods are."""
        return self.cluster.service_account or "default"


@dataclass(frozen=True)
class Finding:
    """One thing that a run needs."""

    passed: bool | None  # None: it could not be looked at
    what: str
    remedy: str = ""  # where it did not pass

    @property
    def text(self) -> str:
        """The line that is printed."""
        return f"{self.what}; {self.remedy}" if self.remedy and not self.passed else self.what
