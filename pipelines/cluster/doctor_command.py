"""`scalequest doctor`: whether a run would work, before a GPU is taken; each line that fails says how to mend it."""

from __future__ import annotations

import sys

from rich.console import Console

from components.shared.exit_codes import BAD_INPUT, DONE
from pipelines.cluster.bucket_checks import check_bucket
from pipelines.cluster.examination import Finding
from pipelines.cluster.hardware import find_profile
from pipelines.cluster.kubeflow_checks import check_kubeflow
from pipelines.cluster.kubernetes_checks import check_kubernetes
from pipelines.cluster.options import Cluster
from pipelines.cluster.package import check_images
from pipelines.reporting import exit_code_of

MARKS = {True: "[green]ok[/green]  ", False: "[red]no[/red]  ", None: "[yellow]?[/yellow]   "}


def examine(cluster: Cluster, workspace: str, training_nodes: int) -> int:
    """Print a line for each thing that a run needs, with so many nodes a training; return 2 where one is missing."""
    return exit_code_of("doctor", lambda: _examine(cluster, workspace, training_nodes))


def _examine(cluster: Cluster, workspace: str, training_nodes: int) -> int:
    profile = find_profile(cluster.profile)
    console = Console(file=sys.stdout)
    findings: list[Finding] = []
    checks = (
        iter([check_images(profile, allow_tags=cluster.allow_tags)]),
        check_kubeflow(cluster.host, cluster.namespace),
        check_kubernetes(cluster, profile, training_nodes),
        check_bucket(workspace),
    )
    for check in checks:
        for finding in check:
            findings.append(finding)
            console.print(MARKS[finding.passed], end="")
            console.print(finding.text, markup=False, highlight=False, soft_wrap=True)
    missing = sum(finding.passed is False for finding in findings)
    unknown = sum(finding.passed is None for finding in findings)
    console.print(f"{len(findings)} checks: {missing} failed, {unknown} could not be made", highlight=False)
    return BAD_INPUT if missing else DONE
