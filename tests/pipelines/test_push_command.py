from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from components.shared.errors import ExitCode
from components.shared.workspace import Workspace
from pipelines.push_command import Push, push
from tests.components.shared.publishing.test_hub import SET, dataset
from tests.components.shared.sample_folders import create_folder
from tests.conftest import WriteRows
from tests.hub_stand_in import TOKEN, serve_hub
from tests.pipelines.test_asked_model import write_model

SCALEQUEST = [sys.executable, "-c", "from pipelines.cli import main; main()", "push"]


def asked(address: str, repository: str = "org/maths", *, dry_run: bool = True) -> Push:
    return Push(address=address, repository=repository, public=False, dry_run=dry_run)


def test_a_dry_run_lists_files_and_sizes_and_needs_no_token(
    workspace: Workspace, write_rows: WriteRows, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    folder = dataset(workspace, write_rows)
    assert push(asked(workspace.uri, "hf://datasets/org/maths")) == ExitCode.DONE  # of a workspace the newest
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-2]] == [
        "README.md",
        "croissant.json",
        "data/train-00000.parquet",
        "lineage.json",
        "report.html",
        "rl/train-00000.parquet",
    ]
    assert all(line.endswith(("kB", " B")) for line in lines[:-2])
    assert lines[-2].startswith(
        "would remove what else is there of an earlier push (N: a digit): data/train-NNNNN.parq"
    )
    assert lines[-1].startswith("would push 6 files, ")
    assert lines[-1].endswith(f" of {folder} to hf://datasets/org/maths")


def test_a_dry_run_as_json_has_the_files_and_the_lines_go_elsewhere(
    workspace: Workspace, write_rows: WriteRows, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = dataset(workspace, write_rows)
    assert push(replace(asked(workspace.uri), as_json=True)) == ExitCode.DONE
    said = capsys.readouterr()
    told = json.loads(said.out)
    assert (told["folder"], told["kind"], told["repository"]) == (folder, "dataset", "hf://datasets/org/maths")
    assert told["files"]["lineage.json"] == Path(folder, "lineage.json").stat().st_size
    assert sum(told["files"].values()) == told["size"]
    assert "would push 6 files, " in said.err


@pytest.mark.parametrize(
    ("repository", "message"),
    [
        ("maths", "'maths' names no repository of the hub; expected hf://datasets/owner/name for a dataset"),
        ("org/maths/part", "names no repository of the hub"),
        ("hf://datasets/org/maths@main", "names no repository of the hub"),
        ("s3://bucket/maths", "names no repository of the hub"),
        ("-x/maths y", "names no repository of the hub"),
        ("hf://org/maths", "names a model, but the folder holds a dataset; expected hf://datasets/org/maths"),
    ],
)
def test_what_is_no_repository_is_refused(
    workspace: Workspace, write_rows: WriteRows, capsys: pytest.CaptureFixture[str], repository: str, message: str
) -> None:
    assert push(asked(dataset(workspace, write_rows), repository)) == ExitCode.BAD_INPUT
    assert message in capsys.readouterr().err


def test_what_is_not_finished_is_refused(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    assert push(asked(create_folder(workspace, 1, 1).uri)) == ExitCode.BAD_INPUT
    assert "is not finished" in capsys.readouterr().err


def test_an_address_without_a_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert push(asked(str(tmp_path / "nothing"))) == ExitCode.BAD_INPUT
    assert "no folder of rows or model exists here" in capsys.readouterr().err


def test_of_a_workspace_without_a_dataset_the_models_are_named(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    model = write_model(workspace, "train_sft")
    create_folder(workspace, 1, 1)
    for address, what in (
        (workspace.uri, "is a workspace without a finished dataset"),
        (f"{workspace.uri}/train_sft/", "holds the folders of one step"),
    ):
        assert push(asked(address)) == ExitCode.BAD_INPUT
        assert f"{address} {what}; give one of the folders there: {model}\n" in capsys.readouterr().err.replace(
            "//", "/"
        )


@pytest.mark.slow
def test_the_command_pushes_and_never_says_the_token(
    workspace: Workspace, write_rows: WriteRows, tmp_path: Path
) -> None:
    folder = dataset(workspace, write_rows)
    with serve_hub({}) as hub:
        environment = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1", "PATH": ""}

        def command(token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
            given = [*SCALEQUEST, folder, "org/maths", *arguments]
            path = {"PYTHONPATH": ":".join(sys.path)}
            return subprocess.run(
                given, env=environment | path | {"HF_TOKEN": token}, capture_output=True, text=True, check=False
            )

        first, second, third = command(TOKEN), command(TOKEN), command(TOKEN, "--json")
        refused = command("hf_not_this_one")
        head = hub.head(SET)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines()[-1].endswith(f"to {hub.endpoint}/{SET} (private), commit {head}")
    assert (
        second.stdout.splitlines()[-1] == f"{hub.endpoint}/{SET} (private) has all of {folder} already, commit {head}"
    )
    told = json.loads(third.stdout)
    assert (told["commit"], told["changed"], told["private"]) == (head, False, True)
    assert third.stderr == second.stdout
    assert refused.returncode == ExitCode.BAD_INPUT
    assert refused.stderr.startswith(
        "scalequest push: error: hf://datasets/org/maths: the hub does not accept the token"
    )
    assert len(refused.stderr.splitlines()) == 1
    for said in (first, second, refused):
        assert TOKEN not in said.stdout + said.stderr
        assert "hf_not_this_one" not in said.stdout + said.stderr


@pytest.mark.slow
def test_what_was_pushed_is_loaded_by_its_name_without_the_files_of_others(
    workspace: Workspace, write_rows: WriteRows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = dataset(workspace, write_rows, num_rows=40, validation_share=0.3)
    load = (
        "from datasets import load_dataset\n"
        "for name in ('default', 'rl'):\n"
        "    print(name, sum(load_dataset('org/maths', name).num_rows.values()))\n"
    )
    others = {f"{form}/train-00000-of-00001.parquet": b"of others" for form in ("data", "rl")}
    with serve_hub({SET: others}) as hub:
        for name, value in {
            "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
        subprocess.run([*SCALEQUEST, folder, "org/maths", "--public"], check=True)
        loaded = subprocess.run([sys.executable, "-c", load], capture_output=True, text=True, check=True)
    assert loaded.stdout.splitlines() == ["default 40", "rl 40"]
