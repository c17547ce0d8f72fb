from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import run
from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.plans import part_name
from tests.components.refused import refused
from tests.components.rejects import read_rejects
from tests.hub_stand_in import COMMIT, serve_hub

TEXTS = ["What is 2+2?", " ", "What is  2+2? ", "x" * 50, "WHAT IS 2+2?", "What is 2+3?"]


def write_jsonl(folder: Path, texts: list[str]) -> str:
    path = folder / "questions.jsonl"
    path.write_text(
        "".join(json.dumps({"question": text, "answer": "#### 4"}) + "\n" for text in texts), encoding="utf-8"
    )
    return str(path)


def import_from(source: str, workspace: Workspace, **options: Any) -> str:
    return run(ImportQuestionsConfig(workspace=workspace.uri, source=source, **options), workspace)


def part_bytes(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).glob("part-*")}


def test_rejects_are_counted_by_reason_and_rows_add_up(workspace: Workspace, tmp_path: Path) -> None:
    folder = import_from(write_jsonl(tmp_path, TEXTS), workspace, max_chars=40)
    manifest = read_manifest(folder)
    assert manifest.rejected == {"duplicate": 2, "empty": 1, "too_long": 1}
    assert (manifest.rows_in, manifest.rows_out) == (6, 2)
    assert [(row.question, row.answer, row.source) for row in workspace.read(folder, Question)] == [
        ("What is 2+2?", "4", "questions"),
        ("What is 2+3?", "4", "questions"),
    ]


def test_any_file_can_name_columns_of_subject_and_level(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("question,answer,topic,grade\nWhat is 2+2?,4,Sums,5\nWhat is 2-2?,0,,\n", encoding="utf-8")
    folder = import_from(str(path), workspace, subject_column="topic", level_column="grade")
    assert [(row.subject, row.level) for row in workspace.read(folder, Question)] == [("Sums", "5"), ("", "")]
    with pytest.raises(
        InputError, match=r"mine\.csv:2: no column 'level' \(--level-column\); found: question, answer, t"
    ):
        import_from(str(path), workspace, level_column="level")


def test_repeated_questions_are_kept_with_their_own_columns_where_that_is_asked_for(
    workspace: Workspace, tmp_path: Path
) -> None:
    records = [{"question": "What is 2 + 2?", "id": n} for n in range(3)]
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    folder = import_from(str(path), workspace, answer_column="none", keep_columns=True, keep_repeated=True)
    rows = list(workspace.read(folder, Question))
    assert [json.loads(row.metadata) for row in rows] == [{"id": n} for n in range(3)]
    assert len({row.id for row in rows}) == 3


@pytest.mark.parametrize(
    "same", ["Caf\u00e9 has 3 chairs.\u202a", "CAFE\u0301 has 3 chairs.", "Cafe\u0301 has\u3000 3 chairs.\u2066"]
)
def test_what_nobody_sees_makes_no_other_question(workspace: Workspace, tmp_path: Path, same: str) -> None:
    folder = import_from(write_jsonl(tmp_path, ["Caf\u00e9 has 3 chairs.", same]), workspace)
    assert read_manifest(folder).rejected == {"duplicate": 1}


def test_duplicate_names_the_row_that_it_repeats_across_parts(workspace: Workspace, tmp_path: Path) -> None:
    folder = import_from(write_jsonl(tmp_path, TEXTS), workspace, rows_per_part=2)
    first = next(iter(workspace.read(folder, Question)))
    rejects = read_rejects(folder)
    assert [row["detail"] for row in rejects if row["reason"] == "duplicate"] == [first.id, first.id]


def test_killed_import_is_continued_to_the_same_rows(workspace: Workspace, tmp_path: Path) -> None:
    source = write_jsonl(tmp_path, TEXTS)
    folder = import_from(source, workspace, rows_per_part=2)
    whole = part_bytes(folder)
    rows = [row.id for row in workspace.read(folder, Question)]
    (Path(folder) / "_manifest.json").unlink()
    (Path(folder) / part_name(1)).unlink()
    assert import_from(source, workspace, rows_per_part=2) == folder
    kept = {name: content for name, content in part_bytes(folder).items() if name != part_name(1)}
    assert kept == {name: content for name, content in whole.items() if name != part_name(1)}
    assert [row.id for row in workspace.read(folder, Question)] == rows


def test_finished_import_is_reused_without_reading_the_rows(workspace: Workspace, tmp_path: Path) -> None:
    folder = import_from(write_jsonl(tmp_path, TEXTS), workspace)
    written_at = read_manifest(folder).written_at
    assert import_from(str(tmp_path / "questions.jsonl"), workspace) == folder
    assert read_manifest(folder).written_at == written_at


def test_changed_file_is_another_folder(workspace: Workspace, tmp_path: Path) -> None:
    first = import_from(write_jsonl(tmp_path, TEXTS), workspace)
    assert import_from(write_jsonl(tmp_path, [*TEXTS, "What is 3+3?"]), workspace) != first


def test_broken_line_behind_good_ones_writes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "a", "answer": "1"}\n{"question": "b", \n', encoding="utf-8")
    with refused(r"a\.jsonl:2: broken JSON", workspace):
        import_from(str(path), workspace, rows_per_part=1)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("ftp://host/a.jsonl", "unknown scheme 'ftp'"),
        ("hf://datasets/org/name/a.jsonl", "expected hf://org/name@revision for a model, or hf://datasets/"),
        ("hf://org/name@main", "is not an address of a dataset on the hub"),
        ("reasoning-gym:sudoku", "unknown generator 'sudoku'"),
        ("reasoning-gym:gcd", "generators have no end"),
        ("no/such/file.jsonl", "nothing exists there"),
    ],
)
def test_unusable_source_is_refused_and_nothing_written(workspace: Workspace, source: str, message: str) -> None:
    with refused(message, workspace):
        import_from(source, workspace)


def test_generators_fill_a_folder(workspace: Workspace) -> None:
    folder = import_from("reasoning-gym:gsm_symbolic,chain_sum", workspace, num_questions=20)
    rows = list(workspace.read(folder, Question))
    assert read_manifest(folder).rows_in == 20
    assert {row.source for row in rows} == {"gsm_symbolic", "chain_sum"}


def test_generators_are_pinned_to_the_version_of_their_package(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = metadata.version("reasoning-gym")
    first = import_from("reasoning-gym:gcd", workspace, num_questions=4)
    assert read_manifest(first).inputs["source"][0].uri == f"reasoning-gym:gcd@{installed}"
    assert import_from(f"reasoning-gym:gcd@{installed}", workspace, num_questions=4) == first
    with pytest.raises(InputError, match=f"asks for version 0.0.1, but {installed} is installed"):
        import_from("reasoning-gym:gcd@0.0.1", workspace, num_questions=4)
    monkeypatch.setattr(metadata, "version", lambda package: "9.9.9")
    assert import_from("reasoning-gym:gcd", workspace, num_questions=4) != first


def test_file_of_a_hub_data_set_is_pinned_to_its_commit(workspace: Workspace, tmp_path: Path) -> None:
    content = b'{"question": "What is 2+2?", "answer": "#### 4"}\n'
    with serve_hub({"datasets/org/maths": {"data/train.jsonl": content}}) as hub:
        done = run_command(workspace, hub.endpoint, "hf://datasets/org/maths@main/data/train.jsonl", tmp_path)
        missing = run_command(workspace, hub.endpoint, "hf://datasets/org/maths@main/data/test.jsonl", tmp_path)
    assert done.returncode == 0, done.stderr
    manifest = read_manifest(done.stdout.strip())
    assert manifest.inputs["source"][0].uri == f"hf://datasets/org/maths@{COMMIT}/data/train.jsonl"
    assert [row.source for row in workspace.read(done.stdout.strip(), Question)] == ["maths"]
    assert missing.returncode == 2
    assert "the repository has no file 'data/test.jsonl'" in missing.stderr


def test_a_pattern_names_files_of_a_hub_data_set(workspace: Workspace, tmp_path: Path) -> None:
    files = {
        f"data/train-{n}.jsonl": f'{{"question": "What is {n}+2?", "answer": "{n + 2}"}}\n'.encode() for n in (1, 0)
    }
    with serve_hub({"datasets/org/maths": {**files, "data/test.jsonl": b"broken"}}) as hub:
        done = run_command(workspace, hub.endpoint, "hf://datasets/org/maths@main/data/train-*.jsonl", tmp_path)
        none = run_command(workspace, hub.endpoint, "hf://datasets/org/maths@main/data/valid-*.jsonl", tmp_path)
    assert done.returncode == 0, done.stderr
    assert [row.question for row in workspace.read(done.stdout.strip(), Question)] == ["What is 0+2?", "What is 1+2?"]
    assert none.returncode == 2
    assert "no file of this pattern" in none.stderr


def run_command(workspace: Workspace, endpoint: str, source: str, cache: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "components.import_questions", "--workspace", workspace.uri, "--source", source]
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
