"""`make e2e-cluster`: what a platform team examines before it trusts us, on the cluster of kubectl's context."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from components.shared.errors import ExitCode
from tests.cluster.chart_check import check_chart, helm
from tests.cluster.checked_jobs import CheckedJobs
from tests.cluster.job_checks import (
    EXIT_CODES,
    check_deadline,
    check_eviction,
    check_exit_code,
    check_kill,
    check_scaling,
    check_start,
)
from tests.cluster.run_checks import CheckedRuns, check_again, check_smoke, check_stop, check_terminate
from tests.cluster.settings import Settings

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(7200)]

See = Callable[[str], None]


def test_the_chart_installs(settings: Settings, jobs: CheckedJobs, see: See) -> None:
    see(check_chart(settings, helm))


def test_a_pod_of_a_job_starts(jobs: CheckedJobs, see: See) -> None:
    see(check_start(jobs))


@pytest.mark.parametrize("code", EXIT_CODES, ids=[str(int(code)) for code in EXIT_CODES])
def test_a_job_ends_as_its_pods_do(code: ExitCode, jobs: CheckedJobs, see: See) -> None:
    see(check_exit_code(jobs, code))


def test_an_evicted_pod_is_replaced_and_not_counted(jobs: CheckedJobs, see: See) -> None:
    see(check_eviction(jobs))


def test_a_killed_pod_is_replaced(jobs: CheckedJobs, see: See) -> None:
    see(check_kill(jobs))


def test_a_job_goes_on_with_another_number_of_pods(jobs: CheckedJobs, see: See) -> None:
    see(check_scaling(jobs))


def test_a_job_that_nobody_follows_ends_by_itself(jobs: CheckedJobs, see: See) -> None:
    see(check_deadline(jobs))


def test_the_smoke_run_goes_to_its_dataset(runs: CheckedRuns, see: See) -> None:
    see(check_smoke(runs))


def test_the_same_again_has_nothing_to_do(runs: CheckedRuns, see: See) -> None:
    see(check_again(runs))


def test_nothing_of_a_terminated_run_is_alive_after_eleven_minutes(
    runs: CheckedRuns, jobs: CheckedJobs, see: See
) -> None:
    see(check_terminate(runs, jobs))


def test_stop_leaves_nothing_alive(runs: CheckedRuns, jobs: CheckedJobs, see: See) -> None:
    see(check_stop(runs, jobs))
