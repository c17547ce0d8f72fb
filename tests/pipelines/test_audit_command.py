from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import run as package_dataset
from components.shared.errors import ExitCode
from components.shared.publishing.audits import draw_sample
from components.shared.workspace import Workspace
from pipelines.audit_command import Audit, audit
from pipelines.show_command import show_folder
from tests.components.package_dataset.test_step import response
from tests.conftest import WriteRows


@pytest.fixture
def dataset(workspace: Workspace, write_rows: WriteRows) -> str:
    responses = write_rows(workspace, [response(number) for number in range(12)])
    return package_dataset(PackageDatasetConfig(workspace=workspace.uri, responses=responses), workspace)


def asked(address: str, *, page: str = "", verdicts: str = "", as_json: bool = False) -> Audit:
    return Audit(address=address, rows=5, seed=0, page=page, verdicts=verdicts, as_json=as_json)


def test_a_page_is_written_and_its_verdicts_are_kept_and_shown(
    dataset: str, workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, file = tmp_path / "page.html", tmp_path / "verdicts.json"
    assert audit(asked(workspace.uri, page=str(page))) == ExitCode.DONE
    assert "5 rows of" in capsys.readouterr().out
    assert "Are these rows right?" in page.read_text()
    assert audit(asked(dataset, page=str(page))) == ExitCode.BAD_INPUT
    assert "exists" in capsys.readouterr().err
    sample = draw_sample(dataset, 5, 0)
    said = [{"id": row.id, "verdict": "wrong_response" if n == 0 else "good"} for n, row in enumerate(sample.rows)]
    content = {"format": 1, "dataset": sample.fingerprint, "num_rows": 5, "seed": 0, "verdicts": said}
    file.write_text(json.dumps(content))
    assert audit(asked(dataset, verdicts=str(file))) == ExitCode.DONE
    assert show_folder(dataset, 0) == ExitCode.DONE
    told, shown = capsys.readouterr().out.split("verdicts are in", 1)[1].split("made by", 1)
    for text in (told, shown):
        assert "all rows  1       5   20.0 %" in text
    assert audit(asked(dataset, verdicts=str(file), as_json=True)) == ExitCode.DONE
    told = json.loads(capsys.readouterr().out)
    assert (told["dataset"], told["verdicts"]) == (dataset, 5)
    (rate,) = told["error_rates"]["all"]
    assert (rate["num_errors"], rate["num_judged"], rate["share"]) == (1, 5, 0.2)


def test_a_page_as_json_is_named_and_nothing_else_is_said(
    dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = str(tmp_path / "page.html")
    assert audit(asked(dataset, page=page, as_json=True)) == ExitCode.DONE
    said = capsys.readouterr()
    assert (json.loads(said.out), said.err) == ({"dataset": dataset, "page": page, "rows": 5}, "")


def test_verdicts_of_another_dataset_are_refused(
    dataset: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "verdicts.json"
    file.write_text(json.dumps({"format": 1, "dataset": "f" * 16, "num_rows": 5, "seed": 0, "verdicts": []}))
    assert audit(asked(dataset, verdicts=str(file))) == ExitCode.BAD_INPUT
    assert "is about the dataset ffff" in capsys.readouterr().err
    assert audit(asked(dataset, verdicts=str(tmp_path / "none.json"))) == ExitCode.BAD_INPUT
