"""A workspace that was moved or copied is its own: what is read of it stands in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from components.select_responses.config import SelectResponsesConfig
from components.select_responses.step import run as select_responses
from components.shared.stores import storage
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace import Workspace
from components.shared.workspace.lineage import stages_of
from components.shared.workspace.manifests import read_manifest
from tests.components.package_dataset.test_step import response
from tests.conftest import WriteRows


@pytest.fixture
def folder(workspace: Workspace, write_rows: WriteRows) -> str:
    """Selected responses, their address within the workspace."""
    responses = write_rows(workspace, [response(number) for number in range(4)])
    selected = select_responses(SelectResponsesConfig(workspace=workspace.uri, responses=responses), workspace)
    return selected.removeprefix(f"{workspace.uri}/")


def inputs_of(folder: str) -> list[str]:
    return [entry.uri for entries in read_manifest(folder).inputs.values() for entry in entries]


def findings(folder: str) -> list[str]:
    """Verify a folder and all that it was made from."""
    found = verify_folder(folder)
    return [*found.findings, *(each for uri in found.inputs for each in findings(uri))]


def test_a_copy_is_verified_by_itself_when_the_original_is_gone(
    workspace: Workspace, folder: str, tmp_path: Path
) -> None:
    copy = str(shutil.copytree(workspace.uri, tmp_path / "copy"))
    shutil.rmtree(workspace.uri)
    assert findings(f"{copy}/{folder}") == []
    assert [stage.folder.rpartition("/given_rows/")[0] for stage in stages_of(f"{copy}/{folder}")][:1] == [copy]
    assert [uri.startswith(copy) for uri in inputs_of(f"{copy}/{folder}")] == [True]


def test_a_damaged_copy_is_found_while_the_original_is_sound(workspace: Workspace, folder: str, tmp_path: Path) -> None:
    copy = str(shutil.copytree(workspace.uri, tmp_path / "copy"))
    (given,) = inputs_of(f"{copy}/{folder}")
    (storage.local_path(given) / "part-00000.parquet").unlink()
    assert findings(f"{workspace.uri}/{folder}") == []
    assert any("part-00000.parquet" in each and copy in each for each in findings(f"{copy}/{folder}"))


def test_a_workspace_is_found_from_any_place(
    workspace: Workspace, write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    typed = Workspace("workspace")
    responses = write_rows(typed, [response(1)])
    folder = select_responses(SelectResponsesConfig(workspace=typed.uri, responses=responses), typed)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(stages_of(f"{tmp_path}/{folder}")) == 2
    assert findings(f"{tmp_path}/{folder}") == []


def test_what_only_another_workspace_holds_keeps_its_address(workspace: Workspace, folder: str, tmp_path: Path) -> None:
    alone = tmp_path / "alone" / folder
    shutil.copytree(f"{workspace.uri}/{folder}", alone)
    assert [uri.startswith(f"{workspace.uri}/") for uri in inputs_of(str(alone))] == [True]


@pytest.mark.parametrize("of_rejected", [False, True])
def test_a_folder_of_the_same_name_that_was_only_begun_is_not_the_one_that_was_read(
    workspace: Workspace, write_rows: WriteRows, tmp_path: Path, *, of_rejected: bool
) -> None:
    read = write_rows(workspace, [response(number) for number in range(4)])
    if of_rejected:
        read = select_responses(SelectResponsesConfig(workspace=workspace.uri, responses=read), workspace)
    reads = f"{read}/rejected" if of_rejected else read
    other = Workspace(str(tmp_path / "other"))
    folder = select_responses(SelectResponsesConfig(workspace=other.uri, responses=reads), other)
    begun = tmp_path / "other" / read.removeprefix(f"{workspace.uri}/")
    begun.mkdir(parents=True)
    shutil.copy(Path(read, "_plan.json"), begun)
    assert inputs_of(folder) == [reads]
    assert read in [stage.folder for stage in stages_of(folder)]
    assert findings(folder) == []
    shutil.rmtree(workspace.uri)
    assert inputs_of(folder) == [reads.replace(workspace.uri, other.uri)], "what is being made again in its place"


def test_a_folder_of_the_same_name_with_other_rows_is_not_the_one_that_was_read(
    workspace: Workspace, write_rows: WriteRows, folder: str, tmp_path: Path
) -> None:
    copy = Path(shutil.copytree(workspace.uri, tmp_path / "copy"))
    (given,) = inputs_of(f"{copy}/{folder}")
    manifest = storage.read_json(f"{given}/_manifest.json")
    manifest["parts"][0]["digest"] = "0" * 64
    Path(given, "_manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert inputs_of(f"{copy}/{folder}") == [given.replace(str(copy), workspace.uri)]
    assert findings(f"{copy}/{folder}") == []
