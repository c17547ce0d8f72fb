"""Where a run goes, and with which account: the options that the commands for a cluster share.

Imported by the command line itself, so nothing heavy.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal

import typer

Namespace = Annotated[str, typer.Option(help="the Kubernetes namespace of the run's pods")]
Host = Annotated[
    str,
    typer.Option(help="address of Kubeflow Pipelines, such as http://localhost:8888; if empty, its client finds it"),
]
GpuWork = Literal["job", "task"]


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where a run goes, and with which account; each field is an option."""

    namespace: Namespace
    host: Host = ""
    profile: Annotated[str, typer.Option(help="hardware: a file in pipelines/profiles, without .yaml")] = "gke-a100-80g"
    spot: Annotated[bool, typer.Option("--spot", help="use the profile's spot nodes for GPU steps")] = False
    gpu_work: Annotated[
        GpuWork,
        typer.Option(
            help="who does the work of GPU steps: Jobs that their tasks make, or the tasks' own pods, one for each "
            "step, with all GPUs of a node: where the runs' account may not make Jobs"
        ),
    ] = "job"
    priority_class: Annotated[
        str,
        typer.Option(help="priority of the Jobs: a WorkloadPriorityClass of Kueue, without a queue a PriorityClass"),
    ] = ""
    service_account: Annotated[
        str, typer.Option(help="service account of the run's pods; the Helm chart creates it")
    ] = "scalequest"
    queue: Annotated[bool, typer.Option("--queue/--no-queue", help="let GPU steps wait in Kueue's LocalQueue")] = True
    allow_tags: Annotated[
        bool,
        typer.Option(
            "--allow-tags", help="accept images without a digest: before a release, or if your nodes have them"
        ),
    ] = False

    @property
    def words(self) -> Iterator[str]:
        """The options of a command that say this, without those that have their default."""
        for field in fields(self):
            value, flag = getattr(self, field.name), field.name.replace("_", "-")
            if value == field.default:
                continue
            if isinstance(value, bool):
                yield f"--{flag}" if value else f"--no-{flag}"
            else:
                yield from (f"--{flag}", value)


def takes_cluster(command: Callable[..., None], *, needs_namespace: bool = True) -> Callable[..., None]:
    """Give a command the options of Cluster in place of its parameter ``cluster``.

    Where it does not need a namespace, its ``cluster`` has "" for none.
    """
    own = inspect.signature(command, eval_str=True)
    options = dict(inspect.signature(Cluster, eval_str=True).parameters)
    if not needs_namespace:
        options["namespace"] = options["namespace"].replace(default="")

    @functools.wraps(command)
    def with_options(**given: Any) -> None:
        cluster = Cluster(**{name: given.pop(name) for name in options})
        command(cluster=cluster, **given)

    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, declared in own.parameters.items()
        for parameter in (options.values() if name == "cluster" else (declared,))
    ]
    with_options.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    return with_options
