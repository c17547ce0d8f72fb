"""`scalequest doctor`: whether a run would work, before it uses a GPU; each check that fails says how to fix it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich.console import Console

from components.shared.errors import ExitCode, InputError
from components.shared.stopping import Stopped
from pipelines.cluster.bucket_checks import check_bucket, check_is_shared
from pipelines.cluster.findings import Finding, PlannedRun
from pipelines.cluster.hardware import find_profile
from pipelines.cluster.kubeflow_checks import check_kubeflow
from pipelines.cluster.kubernetes_checks import check_kubernetes
from pipelines.cluster.package import check_images
from pipelines.cluster.preset_checks import check_here, check_submitted
from pipelines.cluster.store_pod import check_from_pod
from pipelines.cluster.submission import Submission
from pipelines.hardware_profiles import Profile
from pipelines.json_output import print_json
from pipelines.preset_files import default_workspace
from pipelines.reporting import exit_code_of
from pipelines.run_command import Asked
from pipelines.secret_names import check_secret_name

MARKS = {True: "[green]ok[/green]  ", False: "[red]no[/red]  ", None: "[yellow]?[/yellow]   "}


def examine(run: PlannedRun, *, deep: bool, as_json: bool = False) -> int:
    """Print a line for each requirement of a run; return 2 if one is missing.

    ``deep``: also check the store from a pod with the run's account.
    """
    try:
        return exit_code_of("doctor", lambda: _examine(run, deep, as_json))
    except Stopped:
        return ExitCode.STOPPED


def _examine(run: PlannedRun, deep: bool, as_json: bool) -> int:
    if not run.cluster.namespace:
        return _report(check_here(_asked_here(run)), as_json)
    if not run.workspace:
        raise InputError("--workspace is missing; give gs://… or s3://…")
    check_is_shared(run.workspace)
    check_secret_name("store_secret", run.store_secret)
    profile = find_profile(run.cluster.profile)
    return _report(_checks(run, profile, deep), as_json)


def _asked_here(run: PlannedRun) -> Asked:
    """Return what would run on this machine."""
    if not run.preset:
        raise InputError("give --namespace, for a run on a cluster; or a preset, for a run on this machine")
    workspace = run.workspace or default_workspace(run.preset)
    return Asked(preset=run.preset, settings=run.settings, workspace=workspace, pipeline=run.pipeline)


def _report(checks: Iterable[Finding], as_json: bool) -> int:
    console = Console(file=sys.stdout, quiet=as_json)
    findings: list[Finding] = []
    for finding in checks:
        findings.append(finding)
        console.print(MARKS[finding.passed], end="")
        console.print(finding.text, markup=False, highlight=False, soft_wrap=True)
    missing = sum(finding.passed is False for finding in findings)
    unknown = sum(finding.passed is None for finding in findings)
    if as_json:
        print_json({"failed": missing, "unknown": unknown, "checks": list(map(_as_data, findings))})
    console.print(f"{len(findings)} checks: {missing} failed, {unknown} to look at", highlight=False)
    return ExitCode.BAD_INPUT if missing else ExitCode.DONE


def _as_data(finding: Finding) -> dict[str, object]:
    remedy = "" if finding.passed else finding.remedy
    return {"passed": finding.passed, "what": finding.what, "remedy": remedy}


def _checks(run: PlannedRun, profile: Profile, deep: bool) -> Iterator[Finding]:
    yield check_images(profile, allow_tags=run.cluster.allow_tags)
    yield from check_kubeflow(run.cluster.host, run.cluster.namespace)
    yield from check_kubernetes(run, profile)
    if deep:
        yield from check_from_pod(run)
    if run.preset:
        submission = Submission(
            preset=run.preset,
            settings=run.settings,
            workspace=run.workspace,
            pipeline=run.pipeline,
            cluster=run.cluster,
        )
        yield from check_submitted(submission)
    for finding in check_bucket(run.workspace):
        here = replace(finding, what=f"from here, {finding.what}")
        # The caller's own permissions do not matter for a run whose pods were checked.
        yield replace(here, passed=None) if deep and not here.passed else here
