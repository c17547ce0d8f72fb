from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import run as package_dataset
from components.select_responses.config import SelectResponsesConfig
from components.select_responses.step import run as select_responses
from components.shared.records import Response
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.run_records import RunRecorder
from pipelines.cli import app
from pipelines.run_ending import made_as_data
from tests.conftest import WriteRows


def response(number: int, sample: int = 0, **values: Any) -> Response:
    base = Response(
        id=f"q{number}-{sample}",
        question_id=f"q{number}",
        question=rf"What is $\frac{{{number}}}{{2}}$?",
        answer="",
        source="qwen2-math" if number % 2 else "deepseek-math",
        difficulty=number / 10,
        sample=sample,
        response=rf"Sample {sample}: half of it, \boxed{{{number / 2}}}.",
        final_answer=str(number / 2),
        finish_reason="stop",
        num_tokens=10 + sample,
        reward=float(sample),
    )
    return dataclasses.replace(base, **values)


def dataset(workspace: Workspace, write_rows: WriteRows, rows: list[Response], **options: Any) -> str:
    responses = write_rows(workspace, rows, rows_per_part=30)
    selected = select_responses(SelectResponsesConfig(workspace=workspace.uri, responses=responses), workspace)
    config = PackageDatasetConfig(workspace=workspace.uri, responses=selected, **options)
    return package_dataset(config, workspace)


def page_of(address: str, tmp_path: Path) -> str:
    path = tmp_path / "page.html"
    result = CliRunner().invoke(app, ["report", address, "--page", str(path)])
    assert result.exit_code == 0, result.output
    assert path.as_uri() in result.output
    return path.read_text()


@pytest.fixture
def rows() -> list[Response]:
    return [response(number, sample) for number in range(30) for sample in range(3)]


def test_the_page_of_a_workspace_tells_of_its_newest_dataset(
    workspace: Workspace, write_rows: WriteRows, rows: list[Response], tmp_path: Path
) -> None:
    recorder = RunRecorder(
        workspace.uri, preset="smoke", pipeline="scalequest", num_steps=2, command="scalequest run x"
    )
    recorder.keep_log("001-select_responses.log", b"", directory="", exit_code=0)
    folder = dataset(workspace, write_rows, rows, title="Halves", license="mit")
    recorder.keep_end(recorder.ended(0, folder))
    page = page_of(workspace.uri, tmp_path)
    for told in ("<h1>Halves", "licence: mit", "scalequest run x", "smoke", folder, "<mfrac>", "not_best 60 (66.7 %)"):
        assert told in page, told
    assert page.count("<article ") == 20
    assert page.count("2 candidates that lost") == 20  # of each three
    assert f"scalequest show {workspace.uri}/select_responses/" in page


def test_a_page_as_json_is_named_and_nothing_else_is_said(
    workspace: Workspace, write_rows: WriteRows, rows: list[Response], tmp_path: Path
) -> None:
    folder, path = dataset(workspace, write_rows, rows, title="Halves"), tmp_path / "page.html"
    result = CliRunner().invoke(app, ["report", folder, "--page", str(path), "--json"])
    told = {"page": path.as_uri(), "file": str(path), "title": "Halves", "state": "finished"}
    assert (json.loads(result.stdout), result.stderr) == (told, "")


def test_what_a_run_has_made_is_data(workspace: Workspace, write_rows: WriteRows, rows: list[Response]) -> None:
    folder = dataset(workspace, write_rows, rows)
    made = json.loads(json.dumps(made_as_data(folder)))
    assert (made["rows"], made["page"]) == (30, f"file://{folder}/report.html")
    assert made["costs"]["gpu_hours"] == 0.0
    at_a_price = json.loads(json.dumps(made_as_data(folder, 3.0)))
    assert (made["costs"]["price_per_gpu_hour"], at_a_price["costs"]["price_per_gpu_hour"]) == (0.0, 3.0)
    assert made_as_data(f"{folder}x") == made_as_data("") == {"rows": None, "page": "", "costs": None}


def test_the_page_of_a_dataset_is_like_the_one_in_its_folder(
    workspace: Workspace, write_rows: WriteRows, rows: list[Response], tmp_path: Path
) -> None:
    folder = dataset(workspace, write_rows, rows)
    own = storage.read_bytes(storage.join(folder, "report.html")).decode()
    parts = [
        page.partition('<h2 id="distributions"')[2].partition('id="rejected"')[0]
        for page in (own, page_of(folder, tmp_path))
    ]
    assert parts[0] == parts[1]


def test_a_run_that_failed_is_told_with_what_stands(
    workspace: Workspace, write_rows: WriteRows, rows: list[Response], tmp_path: Path
) -> None:
    recorder = RunRecorder(
        workspace.uri, preset="paper", pipeline="scalequest", num_steps=9, command="scalequest run y"
    )
    recorder.keep_log("001-import_model.log", b"", directory="", exit_code=0)
    responses = write_rows(workspace, rows)
    config = SelectResponsesConfig(workspace=workspace.uri, responses=responses)
    given = workspace.read(responses, Response)
    workspace.open(config, given).begin_rows(Response, given.slices())
    workspace.release()
    recorder.keep_end(recorder.ended(1, "", message="the endpoint refused <b>"))
    page = page_of(workspace.uri, tmp_path)
    for told in (
        "Run of paper",
        "failed",
        "the endpoint refused &lt;b&gt;",
        "given_rows",
        "select_responses",
        "0 of 1 parts",
    ):
        assert told in page, told


def test_a_run_that_failed_behind_reused_steps_is_told_with_these_and_not_with_folders_of_other_runs(
    workspace: Workspace, write_rows: WriteRows, rows: list[Response], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    responses = write_rows(workspace, rows)
    config = SelectResponsesConfig(workspace=workspace.uri, responses=responses)
    select_responses(config, workspace)
    other = select_responses(dataclasses.replace(config, keep_all_wrong=True), workspace)
    with caplog.at_level(logging.INFO):
        reused = select_responses(config, workspace)
    recorder = RunRecorder(workspace.uri, preset="paper", pipeline="scalequest", num_steps=9, command="c")
    recorder._record = dataclasses.replace(recorder.record, began_at="2999-01-01T00:00:00+00:00")
    recorder.keep_log("001-select_responses.log", caplog.text.encode(), directory="", exit_code=0)
    recorder.keep_end(recorder.ended(1, "", message="no memory"))
    page = page_of(workspace.uri, tmp_path)
    assert page.count("<article ") == 20
    assert f"scalequest show {reused}" in page
    assert storage.join(*other.split("/")[-2:]) not in page


def test_an_empty_dataset_says_where_its_rows_were_lost(
    workspace: Workspace, write_rows: WriteRows, tmp_path: Path
) -> None:
    folder = dataset(workspace, write_rows, [response(1, answer="7")])
    assert "Empty: all 1 rows left in select_responses" in page_of(folder, tmp_path)


def test_of_many_parts_few_are_read(
    workspace: Workspace, write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_rows(workspace, [response(number) for number in range(120)], rows_per_part=2)
    read: list[str] = []
    original = storage.read_bytes

    def counting(uri: str) -> bytes:
        read.append(uri)
        return original(uri)

    monkeypatch.setattr(storage, "read_bytes", counting)
    page = page_of(folder, tmp_path)
    assert len([uri for uri in read if "/part-" in uri]) <= 21
    assert "Of 40 rows, from parts evenly spread over all 120" in page


def test_only_a_page_of_ours_is_replaced(workspace: Workspace, write_rows: WriteRows, tmp_path: Path) -> None:
    folder = write_rows(workspace, [response(1)])
    page_of(folder, tmp_path)
    page_of(folder, tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    for name, told in (("notes.txt", "is no page of ours"), ("absent/x.html", "does not exist")):
        result = CliRunner().invoke(app, ["report", folder, "--page", str(tmp_path / name)])
        assert (result.exit_code, told in result.stderr) == (2, True), result.output


def test_a_place_with_nothing_to_show_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", workspace.uri, "--page", str(tmp_path / "x.html")])
    assert result.exit_code == 2
    assert not (tmp_path / "x.html").exists()
