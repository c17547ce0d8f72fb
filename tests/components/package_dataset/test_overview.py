"""What Kubeflow shows of a dataset: the figures add up to the manifests', and what models wrote does nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.overview import overview_of, overview_text, python_literal, summarize
from components.package_dataset.step import VIEWS, run
from components.select_responses.config import SelectResponsesConfig
from components.select_responses.step import run as select_responses
from components.shared.command.step_command import run_step
from components.shared.config import METRICS
from components.shared.records import Response
from components.shared.workspace import Workspace, output_folders
from components.shared.workspace.manifests import MANIFEST, read_manifest
from components.shared.workspace.spending import SPENT
from tests.components.package_dataset.test_step import SCRIPT, response
from tests.components.shared.publishing.test_markdown import HOSTILE, Shown
from tests.conftest import WriteRows
from tests.store_calls import counted_calls

OURS = {"h1", "h2", "p", "table", "thead", "tbody", "tr", "th", "td", "blockquote", "strong", "pre", "code"}


def packaged(
    workspace: Workspace, write_rows: WriteRows, rows: list[Response], **options: object
) -> tuple[PackageDatasetConfig, str]:
    """A dataset of the best of these responses, and the config that made it."""
    given = write_rows(workspace, rows, rows_per_part=2)
    selected = select_responses(SelectResponsesConfig(workspace=workspace.uri, responses=given), workspace)
    config = PackageDatasetConfig(workspace=workspace.uri, responses=selected, **options)  # type: ignore[arg-type]
    return config, run(config, workspace)


def four_of_eight() -> list[Response]:
    return [response(n // 2, id=f"q{n // 2}-{n % 2}", sample=n % 2, reward=float(n)) for n in range(8)]


def test_yields_are_rows_out_of_rows_in_by_stage_and_from_end_to_end(
    workspace: Workspace, write_rows: WriteRows
) -> None:
    config, folder = packaged(workspace, write_rows, four_of_eight())
    figures = summarize(config, folder)
    assert figures["rows"] == 4
    assert figures["yield_select_responses"] == 0.5
    assert figures["yield_given_rows"] == figures["yield_package_dataset"] == 1.0
    assert figures["yield"] == 0.5
    seconds = sum(stage.seconds for stage in overview_of(config, folder).stages)
    assert figures["process_hours"] == pytest.approx(seconds / 3600)
    assert "cost" not in figures


def test_tokens_and_gpu_hours_are_those_of_all_manifests_and_a_price_makes_them_money(
    workspace: Workspace, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output_folders, "num_held", lambda _: 8)
    config, folder = packaged(workspace, write_rows, four_of_eight(), price_per_gpu_hour=3.5)
    figures = summarize(config, folder)
    metrics = [stage.manifest.metrics for stage in overview_of(config, folder).stages]
    assert figures["gpu_hours"] == pytest.approx(sum(each["accelerator_seconds"] for each in metrics) / 3600)
    assert figures["gpu_hours"] > 0
    assert figures["cost"] == pytest.approx(figures["gpu_hours"] * 3.5)
    assert figures["cost_per_1000_rows"] == pytest.approx(figures["cost"] / 4 * 1000)
    assert "at $3.50 an hour" in overview_text(config, folder).decode()


def test_a_price_makes_no_other_folder(workspace: Workspace, write_rows: WriteRows) -> None:
    folders = {packaged(workspace, write_rows, four_of_eight(), price_per_gpu_hour=price)[1] for price in (0.0, 2.5)}
    assert len(folders) == 1


@pytest.mark.parametrize("license_", ["unknown", "mit"])
def test_the_way_to_a_dataset_is_read_once_for_its_documents_and_once_for_what_kubeflow_shows(
    workspace: Workspace, write_rows: WriteRows, license_: str
) -> None:
    responses = write_rows(workspace, four_of_eight())
    select = SelectResponsesConfig(workspace=workspace.uri, responses=responses)
    config = PackageDatasetConfig(
        workspace=workspace.uri, responses=select_responses(select, workspace), license=license_
    )
    with counted_calls() as calls:
        folder = run(config, workspace)
        shown = {name: view(config, folder) for name, view in VIEWS.items()}
    assert {*shown} == {"summary", "overview"}
    assert calls.num_read(f"{responses}/{MANIFEST}") == 2  # the first of the stages, which nothing else reads
    assert calls.listed.count(f"{workspace.uri}/{SPENT}") == 2


def test_the_overview_has_address_funnel_and_three_rows_spread_over_the_dataset(
    workspace: Workspace, write_rows: WriteRows
) -> None:
    config, folder = packaged(workspace, write_rows, [response(n) for n in range(9)], title="My set")
    page = MarkdownIt("commonmark", {"html": True}).enable("table").render(overview_text(config, folder).decode())
    assert "<h1>My set</h1>" in page
    assert f"folder = &quot;{folder}&quot;" in page
    assert page.count("<blockquote>") == 6
    assert [f"What is {n} + {n}?" in page for n in range(9)] == [n in (0, 4, 8) for n in range(9)]
    cells = [re.sub("<[^>]*>", " ", row).split() for row in page.split("<tr>") if "select_responses" in row]
    assert [row[:4] for row in cells] == [["select_responses", "9", "9", "100.0"]]


@pytest.mark.parametrize("text", [SCRIPT, *HOSTILE])
def test_what_models_and_people_wrote_does_nothing_in_markdown_and_as_html(
    workspace: Workspace, write_rows: WriteRows, text: str
) -> None:
    evil = response(1, question=text, response=text, final_answer=text, source=text, answer=text)
    config, folder = packaged(workspace, write_rows, [evil], title=f"T {text}")
    source = overview_text(config, folder).decode()
    harmless = Shown(MarkdownIt("commonmark", {"html": True}).enable("table").render(source))
    assert harmless.tags <= OURS
    assert harmless.attributes <= {"style", "class"}
    assert Shown(source).tags == set()


def test_a_dataset_without_rows_has_an_overview(workspace: Workspace, write_rows: WriteRows) -> None:
    given = write_rows(workspace, [response(1)])
    selected = select_responses(SelectResponsesConfig(workspace=workspace.uri, responses=given), workspace)
    config = PackageDatasetConfig(workspace=workspace.uri, responses=f"{selected}/rejected", price_per_gpu_hour=1.0)
    folder = run(config, workspace)
    text = overview_text(config, folder).decode()
    assert "The dataset has no rows." in text
    assert "load_dataset" not in text
    assert summarize(config, folder)["rows"] == read_manifest(folder).rows_out == 0


@pytest.mark.parametrize("text", ["gs://bucket/runs", "a<b>&`'\"\\\n```é", "</code><script>"])
def test_an_address_in_the_example_is_the_same_string_in_python(text: str) -> None:
    literal = python_literal(text)
    assert eval(literal) == text
    assert not set("<>&`\n") & set(literal)


def test_the_task_tells_kubeflow_all_of_it_and_the_next_one_that_the_folder_was_reused(
    workspace: Workspace, write_rows: WriteRows, tmp_path: Path
) -> None:
    responses = write_rows(workspace, four_of_eight())
    first, second = (told_to_kubeflow(workspace, responses, tmp_path / name) for name in ("first", "second"))
    for told in (first, second):
        assert {name: title_of(artifact) for name, artifact in told.items()} == {
            "dataset": "Dataset",
            "overview": "Overview",
            "report": "Report",
            "summary": "",
            METRICS: "",
        }
        assert Path(told["overview"]["uri"]).read_text().startswith("# ScaleQuest dataset\n")
        assert Path(told["report"]["uri"]).read_text().startswith("<!doctype html>")
    new, reused = first[METRICS]["metadata"], second[METRICS]["metadata"]
    assert (new["reused"], reused["reused"], reused["seconds"]) == (0, 1, 0)
    assert new["seconds"] > 0
    assert first["summary"]["metadata"] == second["summary"]["metadata"]


def told_to_kubeflow(workspace: Workspace, responses: str, place: Path) -> dict[str, Any]:
    """Run the step's command as a task; return what it reports of each artifact."""
    kinds = {name: artifact.kind for name, artifact in PackageDatasetConfig.ARTIFACTS.items()} | {METRICS: "Metrics"}
    artifacts = {
        name: {"artifacts": [{"name": name, "type": {"schemaTitle": f"system.{kind}"}, "uri": str(place / name)}]}
        for name, kind in kinds.items()
    }
    values = {"workspace": workspace.uri, "responses": responses}
    outputs = {"outputFile": str(place / "output.json"), "artifacts": artifacts}
    executor_input = json.dumps({"inputs": {"parameterValues": values}, "outputs": outputs})
    with pytest.raises(SystemExit) as left:
        run_step(PackageDatasetConfig, run, ["--executor-input", executor_input], views=VIEWS)
    assert left.value.code == 0
    reported = json.loads((place / "output.json").read_text())["artifacts"]
    return {name: listing["artifacts"][0] for name, listing in reported.items()}


def title_of(artifact: dict[str, Any]) -> str:
    return str(artifact["metadata"].get("display_name", ""))
