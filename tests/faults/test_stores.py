"""Whole runs in object stores, some of them behind a proxy that answers calls wrongly, late or not at all."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from components.shared.errors import ExitCode
from components.shared.stores.retries import LIMIT_VARIABLE
from tests.fault_proxy import FaultyStore
from tests.faults.sameness import assert_accounted_for, assert_same
from tests.smoke_runs import Finished, run_smoke
from tests.stores import Store

LIMIT_SECONDS = 3


@pytest.mark.faults
@pytest.mark.timeout(900)
def test_a_run_in_an_object_store_makes_the_rows_of_one_in_a_directory(
    remote_store: Store, undisturbed: Finished, tmp_path: Path
) -> None:
    result = run_smoke(remote_store.uri, tmp_path, store=remote_store.environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert_same(remote_store.uri, undisturbed)
    assert_accounted_for(remote_store.uri)


@pytest.mark.faults
@pytest.mark.timeout(1800)
def test_a_run_finishes_with_the_same_rows_though_a_tenth_of_the_calls_fail(
    faulty_store: FaultyStore, undisturbed: Finished, tmp_path: Path
) -> None:
    faulty_store.proxy.share = 0.1
    result = run_smoke(faulty_store.uri, tmp_path, store=faulty_store.environment)
    faulty_store.proxy.share = 0
    assert result.returncode == 0, result.stdout + result.stderr
    assert set(faulty_store.proxy.faults) == set(faulty_store.proxy.kinds)
    assert_same(faulty_store.uri, undisturbed)
    assert_accounted_for(faulty_store.uri)


def test_a_run_in_a_store_that_never_answers_well_ends_in_one_message_and_can_be_tried_again(
    faulty_store: FaultyStore, tmp_path: Path
) -> None:
    faulty_store.proxy.kinds = ("500", "503", "429")
    faulty_store.proxy.share = 1
    started = time.monotonic()
    result = run_smoke(faulty_store.uri, tmp_path, store=_limited(faulty_store.environment))
    assert result.returncode == ExitCode.UNAVAILABLE, result.stdout + result.stderr
    assert time.monotonic() - started < 120, "the limit is 3 s a call, and one call is all that is tried"
    *retries, message = result.stderr.strip().splitlines()
    assert all("retrying in" in line for line in retries)
    assert message.startswith("scalequest run: error: ")
    assert faulty_store.proxy.url in message
    assert " was tried " in message
    assert f"{LIMIT_VARIABLE}, now {LIMIT_SECONDS}" in message


def _limited(environment: Mapping[str, str]) -> Mapping[str, str]:
    return {**environment, LIMIT_VARIABLE: str(LIMIT_SECONDS)}
