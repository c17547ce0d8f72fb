from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlcroissant
import pytest

from components.package_dataset.croissant import NAME
from components.package_dataset.step import run
from components.shared.stores import storage
from components.shared.workspace import Workspace
from tests.components.package_dataset.test_step import config_for, response
from tests.conftest import WriteRows


@pytest.fixture
def folder(workspace: Workspace, write_rows: WriteRows) -> Path:
    rows = [response(number, difficulty=None if number == 3 else 0.5) for number in range(40)]
    config = config_for(workspace, write_rows(workspace, rows), title="My set", license="mit", validation_share=0.3)
    return storage.local_path(run(config, workspace))


def test_the_description_keeps_the_rules_of_croissant(folder: Path) -> None:
    dataset = mlcroissant.Dataset(jsonld=str(folder / NAME))
    issues = dataset.metadata.ctx.issues
    assert (sorted(issues.errors), sorted(issues.warnings)) == ([], [])
    assert (dataset.metadata.name, dataset.metadata.license) == ("My set", ["mit"])


def test_rows_are_read_by_the_description_alone(folder: Path) -> None:
    dataset = mlcroissant.Dataset(jsonld=str(folder / NAME))
    rows = [row for split in ("train", "validation") for row in dataset.records(f"default-{split}")]
    assert len(rows) == 40
    names = {name.rpartition("/")[2] for name in rows[0]}
    assert {"question", "response", "difficulty", "messages"} <= names
    assert {row["default-train/question"].decode() for row in dataset.records("default-train")} <= {
        f"What is {number} + {number}?" for number in range(40)
    }


def test_every_file_of_the_forms_is_described(folder: Path) -> None:
    described: dict[str, Any] = json.loads((folder / NAME).read_text())
    files = {path.relative_to(folder).as_posix() for path in folder.glob("*/*.parquet")}
    matched = {
        path.relative_to(folder).as_posix()
        for each in described["distribution"]
        for path in folder.glob(each["includes"])
    }
    assert matched == {name for name in files if name.startswith(("data/", "rl/"))}
    assert len(matched) == 4
