from __future__ import annotations

import json

import pytest

from components.shared.command.kubeflow_artifacts import TIMES, ShownFolder, View
from components.shared.config import METRICS
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.filters import KEEP, Verdict
from components.shared.records import Question
from components.shared.stores.browsing import page_of
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.conftest import WriteRows

DECLARED = artifacts(
    questions=Artifact(kind="Dataset", title="Questions", description="those that were kept"),
    figures=Artifact(kind="Metrics", title="Figures", description="of the run"),
    text=Artifact(kind="Markdown", title="Text", description="a text"),
)


def filtered(workspace: Workspace, write_questions: WriteRows) -> str:
    """A folder of a real filter that keeps one question and rejects two."""
    from components.filter_language.config import FilterLanguageConfig
    from components.shared.filters import filter_questions

    questions = write_questions(workspace, ["What is 2 + 2?", "", " "])
    config = FilterLanguageConfig(workspace=workspace.uri, questions=questions)
    return filter_questions(config, workspace, lambda row: KEEP if row.question.strip() else Verdict("empty"))


def metrics_of(folder: str, *, is_reused: bool) -> dict[str, float]:
    metadata, content = ShownFolder(folder=folder, artifacts=DECLARED, is_reused=is_reused).output(METRICS)
    assert json.loads(content) == metadata
    return metadata


def test_a_task_shows_rows_kept_and_rejected_and_why(workspace: Workspace, write_questions: WriteRows) -> None:
    metrics = metrics_of(filtered(workspace, write_questions), is_reused=False)
    assert (
        metrics.items() >= {"rows_in": 3, "rows_out": 1, "rows_rejected": 2, "rejected_empty": 2, "reused": 0}.items()
    )
    assert metrics["rows_in"] == metrics["rows_out"] + metrics["rows_rejected"]


def test_a_folder_that_is_reused_says_so_and_adds_no_time_of_its_own(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    folder = filtered(workspace, write_questions)
    new, reused = metrics_of(folder, is_reused=False), metrics_of(folder, is_reused=True)
    assert (new["reused"], reused["reused"]) == (0, 1)
    assert new["seconds"] > 0
    assert {reused[name] for name in TIMES} == {0}
    untimed = {"reused", *TIMES}
    assert {k: v for k, v in new.items() if k not in untimed} == {k: v for k, v in reused.items() if k not in untimed}


def test_a_view_is_made_of_a_finished_folder_only(workspace: Workspace, write_questions: WriteRows) -> None:
    views: dict[str, View] = {
        "figures": lambda folder: {"rows": 1.0, "lost": float("nan")},
        "text": lambda folder: b"# Text",
    }
    finished = ShownFolder(folder=filtered(workspace, write_questions), artifacts=DECLARED, views=views)
    assert finished.output("figures") == ({"rows": 1.0}, b'{\n  "rows": 1.0\n}')
    metadata, content = finished.output("text")
    assert (metadata["display_name"], content) == ("Text", b"# Text")
    unfinished = ShownFolder(folder=f"{workspace.uri}/nothing", artifacts=DECLARED, views=views)
    assert unfinished.output("figures") == ({}, b"{}")
    assert json.loads(unfinished.output("text")[1])["folder"] == unfinished.folder


def test_what_is_declared_to_show_changes_no_folders_address(workspace: Workspace, write_questions: WriteRows) -> None:
    from components.filter_language.config import FilterLanguageConfig

    class RenamedConfig(FilterLanguageConfig):
        ARTIFACTS = artifacts(other=DECLARED["questions"])
        step = "filter_language"

    folder = filtered(workspace, write_questions)
    questions = read_manifest(folder).inputs["questions"][0].uri
    renamed = RenamedConfig(workspace=workspace.uri, questions=questions)
    assert workspace.open(renamed, workspace.read(questions, Question)).uri == folder


@pytest.mark.parametrize(
    ("folder", "endpoint", "page"),
    [
        ("gs://bucket/runs/a b/x", "", "https://console.cloud.google.com/storage/browser/bucket/runs/a%20b/x"),
        ("s3://bucket/runs/x", "", "https://s3.console.aws.amazon.com/s3/buckets/bucket?prefix=runs/x/"),
        ("s3://bucket/runs/x", "https://minio.example:9000", ""),
        ("runs/x", "", ""),
    ],
)
def test_a_folder_of_a_cloud_has_the_link_to_its_page(
    monkeypatch: pytest.MonkeyPatch, folder: str, endpoint: str, page: str
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    assert page_of(folder) == page
