"""Whether the chart installs, and what a run needs of it stands."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence

from kubernetes import client

from components.shared.jobs.body import SERVICE_ACCOUNT
from components.shared.jobs.job_profiles import CONFIG_MAP
from tests.cluster.checked_jobs import is_there
from tests.cluster.settings import Settings
from tests.source_tree import ROOT

RELEASE = "scalequest-e2e"
Helm = Callable[[Sequence[str]], None]


def helm(words: Sequence[str]) -> None:
    """Run helm; AssertionError with what it said if it fails."""
    done = subprocess.run(["helm", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"helm {' '.join(words)}: {done.stdout}{done.stderr}"


def check_chart(settings: Settings, helm: Helm) -> str:
    """The chart installs, or is installed, and the account, the profiles and both Roles of runs stand."""
    if settings.values:
        where = ("--namespace", settings.namespace, "--values", settings.values, "--wait")
        helm(["upgrade", "--install", RELEASE, str(ROOT / "helm"), *where])
    core, rights = client.CoreV1Api(), client.RbacAuthorizationV1Api()
    wanted = [
        (core.read_namespaced_service_account, SERVICE_ACCOUNT),
        (core.read_namespaced_config_map, CONFIG_MAP),
        (rights.read_namespaced_role, "scalequest-step"),
        (rights.read_namespaced_role, "scalequest-submit"),
    ]
    missing = [name for read, name in wanted if not is_there(read, name, settings.namespace)]
    assert not missing, f"not in {settings.namespace}: {', '.join(missing)}"
    return f"{'installed' if settings.values else 'found'}: {', '.join(name for _, name in wanted)}"


def remove_chart(settings: Settings, helm: Helm) -> None:
    """Take away what ``check_chart`` installed."""
    if settings.values:
        helm(["uninstall", RELEASE, "--namespace", settings.namespace, "--wait"])
