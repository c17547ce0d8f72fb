from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from components.shared.stores import storage
from components.shared.stores.inventory import list_objects
from components.shared.stores.retries import LIMIT_VARIABLE
from components.shared.workspace._uses import IN_USE
from components.shared.workspace.manifests import read_manifest
from pipelines.arguments import Run
from pipelines.cluster.finished_run import finished_folder, look_from_here
from pipelines.cluster.options import Cluster
from pipelines.cluster.run_report import Report
from pipelines.cluster.submission import Submission
from pipelines.cluster.submitted_run import Submitted
from pipelines.run_checks import step_checks
from tests.fault_proxy import new_clients
from tests.pipelines.answered import answer_run, run_to_its_end


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A workspace in which the trimmed pipeline was run to its end."""
    workspace = str(tmp_path_factory.mktemp("finished") / "runs")
    run_to_its_end(answer_run(workspace))
    return workspace


def test_a_run_whose_folders_are_all_finished_is_found_by_its_last_one(finished: str) -> None:
    before = _objects(finished)
    found = _found(answer_run(finished))
    assert found.startswith(f"{finished}/package_dataset/")
    assert storage.exists(storage.join(found, "_manifest.json"))
    assert _objects(finished) == before


@pytest.mark.parametrize("was_followed", [False, True])
def test_what_a_run_has_made_is_in_the_document_of_its_submit(was_followed: bool, finished: str) -> None:
    run = answer_run(finished)
    folder = _found(run)
    submission = Submission(preset="answer-smoke", workspace=finished, cluster=Cluster(namespace="team-a"))
    run_id = "1" if was_followed else ""
    sent = Submitted(submission=submission, run=run, num_whole=0, began=time.monotonic(), run_id=run_id)
    report = Report(run_id="1", name="", state="succeeded", steps=()) if was_followed else None
    told = json.loads(json.dumps(sent.document(0, report, folder)))
    assert (told["state"], told["folder"]) == ("succeeded" if was_followed else "nothing to do", folder)
    assert told["rows"] == read_manifest(folder).rows_out
    assert told["costs"]["tokens_written"] > 0


def test_hardware_and_pods_make_no_other_run(finished: str) -> None:
    assert _found(answer_run(finished, "pods=5", "generate_responses.rows_per_part=2"))


@pytest.mark.parametrize("setting", ["seed=5", "solver_num_responses=2", "import_questions.max_chars=3"])
def test_other_values_make_another_run_and_nothing_is_begun(setting: str, finished: str) -> None:
    before = _objects(finished)
    assert _found(answer_run(finished, setting)) == ""
    assert _objects(finished) == before


def test_a_folder_that_was_deleted_is_missed(finished: str, tmp_path: Path) -> None:
    copy = tmp_path / "runs"
    for each in list_objects(finished):
        (copy / each.name).parent.mkdir(parents=True, exist_ok=True)
        (copy / each.name).write_bytes(Path(finished, each.name).read_bytes())
    (folder,) = (copy / "select_responses").iterdir()
    (folder / "_manifest.json").unlink()
    assert _found(answer_run(str(copy))) == ""


def test_a_store_that_cannot_be_read_is_no_reason_to_refuse_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LIMIT_VARIABLE, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "k")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setattr(step_checks, "PATIENCE_SECONDS", "1")
    with new_clients():
        assert _found(answer_run("s3://bucket/runs")) == ""
    assert LIMIT_VARIABLE not in os.environ


def _found(run: Run) -> str:
    return finished_folder(look_from_here(run, str(run.arguments["workspace"]), has_keys=False))


def _objects(workspace: str) -> dict[str, float]:
    """Return all files and their times, but for marks of use, which any reader leaves."""
    return {each.name: each.time for each in list_objects(workspace) if not each.name.startswith(IN_USE)}
