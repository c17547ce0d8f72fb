"""The cluster that is examined, the table at the end, and for tests here the stand-ins of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from pipelines.cluster.kubernetes_access import configure
from tests.cluster.chart_check import helm, remove_chart
from tests.cluster.checked_jobs import CheckedJobs
from tests.cluster.run_checks import CheckedRuns, clean_up
from tests.cluster.settings import Settings, read_settings
from tests.pipelines.cluster.conftest import kubeflow, no_keys, server

CHECKS = "test_on_a_cluster.py"
__all__ = ["kubeflow", "no_keys", "server"]  # fixtures


@dataclass
class Seen:
    """What a check has seen, for the table."""

    said: str = ""

    def __call__(self, said: str) -> None:
        self.said = said


@pytest.fixture(scope="session")
def settings(request: pytest.FixtureRequest) -> Settings:
    """What the environment names; who asks for these tests alone has to name it."""
    try:
        return read_settings()
    except ValueError as error:
        if request.config.option.markexpr == "cluster":
            pytest.exit(str(error), returncode=2)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def jobs(settings: Settings) -> Iterator[CheckedJobs]:
    """Jobs on the cluster of kubectl's current context; what is left of them is deleted, and the chart's release."""
    configure()
    checked = CheckedJobs(settings.namespace)
    yield checked
    try:
        checked.clean_up()
    finally:
        remove_chart(settings, helm)


@pytest.fixture(scope="session")
def runs(settings: Settings, jobs: CheckedJobs) -> Iterator[CheckedRuns]:
    """Runs through its Kubeflow; those that go on at the end are stopped."""
    checked = CheckedRuns(settings)
    yield checked
    clean_up(checked)


@pytest.fixture
def see(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Takes what a check has seen into the table."""
    seen = Seen()
    request.node.user_properties.append(("seen", seen))
    return seen


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print a line for each check that was made on a cluster, and for what could not be made or taken away."""
    stats = terminalreporter.stats
    made = [(each, outcome) for outcome in ("passed", "failed", "error") for each in stats.get(outcome, [])]
    lines = [
        (report.nodeid.rpartition("::test_")[2].replace("_", " "), outcome, report.duration, _told(report))
        for report, outcome in made
        if isinstance(report, pytest.TestReport) and report.nodeid.partition("::")[0].endswith(CHECKS)
    ]
    if lines:
        width = max(len(name) for name, *_ in lines)
        terminalreporter.section("the cluster")
        for name, outcome, seconds, said in lines:
            terminalreporter.write_line(f"{name:<{width}}  {outcome:<6}  {seconds:>5.0f} s  {said}")


def _told(report: pytest.TestReport) -> str:
    """Return what a check has seen or, in the first line of its failure, what it has not."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if report.passed or crash is None:
        seen = dict(report.user_properties).get("seen")
        return seen.said if isinstance(seen, Seen) and report.passed else str(report.longrepr).strip()
    return str(crash.message.splitlines()[0]).removeprefix("AssertionError: ")
