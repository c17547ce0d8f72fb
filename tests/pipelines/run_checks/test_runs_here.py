from pathlib import Path

import pytest

from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.stores.inventory import list_objects
from components.shared.stores.retries import LIMIT_VARIABLE
from pipelines.run_checks.runs_here import checked_here, prepare_here
from tests.fault_proxy import new_clients
from tests.stores import READER, Store

RUN = ("answer-smoke", ["max_gpu_hours=3"])


def test_the_store_of_a_run_is_tried_once_and_left_as_it_was(s3_store: Store) -> None:
    checked = checked_here(prepare_here(*RUN, s3_store.uri), [])
    assert [each.passed for each in checked.findings] == [True] * 4
    assert (checked.workspace, checked.hardware.gpu_hours_limit) == (s3_store.uri, 3.0)
    assert not list(list_objects(s3_store.uri))


def test_a_directory_is_not_written_before_its_run(tmp_path: Path) -> None:
    workspace = str(tmp_path / "runs")
    assert checked_here(prepare_here(*RUN, workspace), []).findings == []
    assert not storage.exists(workspace)


def test_a_store_without_the_right_to_write_is_refused_by_the_workspace(
    s3_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepare_here(*RUN, s3_store.uri)
    for name, value in {**READER, LIMIT_VARIABLE: "5"}.items():
        monkeypatch.setenv(name, value)
    with new_clients(), pytest.raises(InputError, match=rf"^workspace: {s3_store.uri}/\.doctor/"):
        checked_here(run, [])
