from __future__ import annotations

import json
from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict

from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.source_files import files_of, name_of_files
from components.import_questions.step import run
from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest


def write(path: Path, *questions: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"question": each, "answer": "1"}) + "\n" for each in questions))


def imported(workspace: Workspace, source: Path | str) -> tuple[list[tuple[str, str]], str]:
    folder = run(ImportQuestionsConfig(workspace=workspace.uri, source=str(source)), workspace)
    return [(row.question, row.source) for row in workspace.read(folder, Question)], folder


def test_a_pattern_names_files_in_the_order_of_their_names(workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path / "given" / "part-2.jsonl", "c")
    write(tmp_path / "given" / "part-1.jsonl", "a", "b")
    write(tmp_path / "given" / "other.jsonl", "d")
    rows, _ = imported(workspace, tmp_path / "given" / "part-*.jsonl")
    assert rows == [("a", "given"), ("b", "given"), ("c", "given")]


def test_the_folder_of_a_pattern_follows_the_files_that_it_names(workspace: Workspace, tmp_path: Path) -> None:
    pattern = tmp_path / "part-?.jsonl"
    write(tmp_path / "part-1.jsonl", "a")
    _, first = imported(workspace, pattern)
    write(tmp_path / "other.jsonl", "z")
    assert imported(workspace, pattern)[1] == first
    write(tmp_path / "part-2.jsonl", "b")
    rows, second = imported(workspace, pattern)
    assert second != first
    assert len(rows) == 2


def test_a_broken_line_is_named_with_its_own_file(workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path / "part-1.jsonl", "a")
    (tmp_path / "part-2.jsonl").write_text("{")
    with pytest.raises(InputError, match=r"part-2\.jsonl:1: broken JSON"):
        imported(workspace, tmp_path / "part-*.jsonl")


def test_what_datasets_saved_is_read(workspace: Workspace, tmp_path: Path) -> None:
    dataset = Dataset.from_list([{"question": f"Question {n}", "answer": "1"} for n in range(5)])
    dataset.save_to_disk(tmp_path / "mathematics", num_shards=2)
    rows, folder = imported(workspace, tmp_path / "mathematics")
    assert rows == [(f"Question {n}", "mathematics") for n in range(5)]
    assert read_manifest(folder).rows_in == 5


def test_of_several_saved_splits_one_has_to_be_named(workspace: Workspace, tmp_path: Path) -> None:
    one, two = (Dataset.from_list([{"question": text, "answer": "1"}]) for text in "ab")
    DatasetDict(train=one, test=two).save_to_disk(tmp_path / "saved")
    with pytest.raises(InputError, match=r"has the splits train, test; name one: .*saved/train"):
        imported(workspace, tmp_path / "saved")
    assert imported(workspace, tmp_path / "saved" / "test")[0] == [("b", "test")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none-*.jsonl", "nothing exists there"),
        ("*.txt", r"ends in \.txt; expected one of"),
        ("folder", "a pattern such as"),
        ("many", r"a pattern such as \S*/many/\*\.parquet, or"),
        ("hub", r"a pattern such as \S*/hub/data/\*\.jsonl\.gz, or"),
        ("none-[0-9].jsonl", "nothing exists there; .*; in a pattern, .* brackets for themselves"),
        ("https://hub/datasets/a/b/c.jsonl", "unknown scheme 'https'.*a file of the hub is hf://datasets/"),
    ],
)
def test_what_names_no_file_that_can_be_read_is_refused(
    workspace: Workspace, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "folder").mkdir()
    for file in ("many/a.parquet", "many/b.parquet", "many/dataset_infos.json", "hub/data/a.jsonl.gz"):
        write(tmp_path / file, "What is 1+1?")
    with pytest.raises(InputError, match=message):
        imported(workspace, name if "://" in name else tmp_path / name)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("gs://b/data/train.v2.jsonl.gz", "train.v2"),
        ("data/gsm8k/*.parquet", "gsm8k"),
        ("*.parquet", ""),
        ("runs/saved", "saved"),
    ],
)
def test_rows_are_said_to_come_from_the_file_or_the_folder(source: str, name: str) -> None:
    assert name_of_files(source) == name


def test_each_file_is_called_by_its_own_address(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", "a")
    assert [file.shown_as for file in files_of(f"{tmp_path}/*.jsonl")] == [f"{tmp_path}/a.jsonl"]
