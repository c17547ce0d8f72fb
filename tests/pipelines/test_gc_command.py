from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.shared.stores import storage
from components.shared.workspace import Workspace
from pipelines.gc_command import collect_garbage
from tests.components.shared.sample_folders import snapshot
from tests.components.shared.sample_graphs import join, plan_join, publish
from tests.pipelines.test_cli import scalequest
from tests.stores import READER, Store


@pytest.fixture
def garbage(workspace: Workspace) -> list[str]:
    """A dataset, the folder that it was made from, and two folders that nothing needs: return these."""
    first = join(workspace, "first")
    publish(workspace, "dataset", [first])
    return [join(workspace, "unused", [first]), plan_join(workspace, "abandoned", [first]).uri]


def test_garbage_is_listed_by_step_and_reason_and_nothing_is_changed(
    workspace: Workspace, garbage: list[str], tmp_path: Path
) -> None:
    before = snapshot(workspace.uri)
    result = scalequest("gc", workspace.uri, "--older-than", "0", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    head, marks, abandoned, unused, needed, total = result.stdout.splitlines()
    assert head.split() == ["step", "folders", "objects", "size", "reason"]
    assert marks.split()[:4] == ["(no", "step)", "1", "4"]
    assert marks.strip().endswith("a mark of a run that began long ago")
    assert abandoned.split()[:3] == ["join", "1", "1"]
    assert abandoned.strip().endswith("abandoned before it was finished")
    assert unused.split()[:3] == ["join", "1", "6"]
    assert unused.strip().endswith("no dataset or table of solvers was made from it")
    assert needed.startswith("needed: 11 objects in 2 folders, ")
    assert total.startswith("garbage: 11 objects in 3 folders, ")
    assert total.endswith("--delete deletes it")
    assert snapshot(workspace.uri) == before


def test_as_json_each_object_is_named_with_its_status_and_reason(
    workspace: Workspace, garbage: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect_garbage(workspace.uri, (), 0, delete=False, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    (plan,) = [each for each in told["objects"] if each["name"].endswith("/_plan.json") and each["size"] and
               garbage[1].endswith(each["folder"])]  # fmt: skip
    assert (plan["status"], plan["reason"]) == ("garbage", "abandoned before it was finished")
    assert told["removed"] is None
    assert collect_garbage(workspace.uri, (), 0, delete=True, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["removed"]["objects"] == 11
    assert not Path(garbage[0]).exists()


def test_what_was_written_lately_is_not_garbage(
    workspace: Workspace, garbage: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect_garbage(workspace.uri, (), 1.0, delete=True) == 0
    assert all(Path(uri).exists() for uri in garbage)
    assert capsys.readouterr().out.splitlines()[-2:][0].startswith("too recent, may be in use: 11 objects in 3")


def test_garbage_is_removed_where_that_is_asked_for(
    workspace: Workspace, garbage: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert collect_garbage(workspace.uri, garbage[:1], 0, delete=True) == 0
    assert "removed 5 objects, " in capsys.readouterr().out
    assert [Path(uri).exists() for uri in garbage] == [True, False]
    assert collect_garbage(workspace.uri, (), 0, delete=True) == 0
    assert "removed 6 objects, " in capsys.readouterr().out
    assert collect_garbage(workspace.uri, (), 0, delete=True) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "no garbage"


@pytest.mark.parametrize(
    ("workspace", "message"),
    [
        ("nowhere", "nowhere: nothing exists here; check the address"),
        ("file", "file is a file; expected a folder"),
        ("ftp://host/x", "'ftp://host/x' has the unknown scheme 'ftp'"),
    ],
)
def test_a_place_that_is_no_workspace_is_bad_input(
    workspace: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert collect_garbage(workspace, (), 0, delete=True) == 2
    assert message in capsys.readouterr().err


def test_a_newer_manifest_is_one_message_and_nothing_is_removed(
    workspace: Workspace, garbage: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = Path(garbage[0], "_manifest.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"format": 99}))
    before = snapshot(workspace.uri)
    assert collect_garbage(workspace.uri, (), 0, delete=True) == 2
    assert "_manifest.json has format 99, this version reads up to" in capsys.readouterr().err
    assert snapshot(workspace.uri) == before


def test_a_bucket_that_forbids_to_delete_is_one_message(s3_store: Store) -> None:
    workspace = Workspace(s3_store.uri)
    folder = join(workspace, "unused")
    program = (
        "import sys; from pipelines.gc_command import collect_garbage; "
        "sys.exit(collect_garbage(sys.argv[1], (), 0, delete=True))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, s3_store.uri],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2],
        env={**os.environ, **s3_store.environment, **READER},
    )  # fmt: skip
    assert result.returncode == 2
    assert re.search(r"/_removing/[\w.]+: access denied \(", result.stderr), result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert storage.exists(storage.join(folder, "_manifest.json"))
