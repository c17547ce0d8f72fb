"""Benchmarks by name, from files that we write ourselves: no row of a benchmark is here, and none is fetched."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.import_questions import benchmarks
from components.import_questions.benchmark_source import RECORD, BenchmarkSource
from components.import_questions.benchmarks import Benchmark
from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import open_benchmark_file, run
from components.shared.addresses import parse_address
from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.plans import part_name
from tests.hub_stand_in import serve_hub

NAMES = ["gsm8k", "math", "college_math", "olympiadbench"]


def gsm8k(n: int) -> dict[str, Any]:
    return {"question": f"Anna has {n} pears and gets one. How many?", "answer": f"She has {n}+1.\n#### {n + 1}"}


def maths(n: int) -> dict[str, Any]:
    solution = rf"First $\boxed{{0}}$ is wrong, so it is $\boxed{{\frac{{{n}}}{{7}}}}$."
    return {"problem": f"Divide {n} by 7.", "level": f"Level {n % 5 + 1}", "type": "Algebra", "solution": solution}


def college(n: int) -> dict[str, Any]:
    # Some references are prose, and some questions are there more than once.
    answer = (
        "The function is decreasing on $(0,1)$ and increasing elsewhere on the whole real line." if n == 0 else f"${n}$"
    )
    return {"question": f"How does {max(n, 2)} behave?", "answer": answer, "data_topic": "college_math.calculus"}


def olympiad(n: int) -> dict[str, Any]:
    return {
        "question": "Find all. " + "x" * 2500 + str(n),
        "final_answer": [f"{n},-{n}"],
        "subfield": "Algebra",
        "error": "1e-1" if n == 1 else None,  # as it is written there
    }


ROWS: Mapping[str, Callable[[int], dict[str, Any]]] = dict(zip(NAMES, (gsm8k, maths, college, olympiad), strict=True))
ANSWERS = {"gsm8k": "2", "math": r"\frac{1}{7}", "college_math": "$1$", "olympiadbench": "1,-1"}
GROUPS = {
    "gsm8k": ("", ""),
    "math": ("Algebra", "Level 2"),
    "college_math": ("college_math.calculus", ""),
    "olympiadbench": ("Algebra", ""),
}


@pytest.fixture
def of_four_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each benchmark have four rows."""
    small = {name: {**vars(benchmark), "rows": {4: "ours"}} for name, benchmark in benchmarks.benchmarks().items()}
    monkeypatch.setattr(benchmarks, "benchmarks", lambda: {name: Benchmark(**fields) for name, fields in small.items()})


def write(path: Path, records: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def import_benchmark(workspace: Workspace, name: str, uri: str = "", **options: Any) -> str:
    given = {"source": f"benchmark:{name}", "benchmark_uri": uri, **options}
    return run(ImportQuestionsConfig(workspace=workspace.uri, **given), workspace)


def test_each_declared_benchmark_is_a_file_of_the_hub_with_a_known_number_of_rows() -> None:
    declared = benchmarks.benchmarks()
    assert list(declared) == NAMES
    for benchmark in declared.values():
        assert parse_address(benchmark.address, "dataset").path
        assert set(benchmark.rows) <= {1319, 5000, 2818, 674, 675}


@pytest.mark.parametrize("name", NAMES)
def test_all_rows_of_a_benchmark_are_imported_with_their_answers_and_groups(
    workspace: Workspace, tmp_path: Path, of_four_rows: None, name: str
) -> None:
    folder = import_benchmark(workspace, name, write(tmp_path / "mirror.jsonl", [ROWS[name](n) for n in range(4)]))
    rows = list(workspace.read(folder, Question))
    assert len(rows) == 4
    assert {row.source for row in rows} == {name}
    assert all(row.answer for row in rows)
    assert rows[1].answer == ANSWERS[name]
    assert (rows[1].subject, rows[1].level) == GROUPS[name]
    assert [row.tolerance for row in rows] == [None, 0.1 if name == "olympiadbench" else None, None, None]
    assert verify_folder(folder).sound


def test_rows_of_other_benchmarks_in_the_same_file_are_left_out(
    workspace: Workspace, tmp_path: Path, of_four_rows: None
) -> None:
    others = [{"question": "Q", "answer": "1", "data_topic": "gsm8k"}] * 3
    file = write(tmp_path / "full_test.jsonl", [*others, *(college(n) for n in range(4)), *others])
    assert read_manifest(import_benchmark(workspace, "college_math", file)).rows_out == 4


def test_the_whole_gsm8k_comes_from_the_hub_at_its_commit(workspace: Workspace, tmp_path: Path) -> None:
    address = parse_address(benchmarks.benchmarks()["gsm8k"].address, "dataset")
    pq.write_table(pa.Table.from_pylist([gsm8k(n) for n in range(1319)]), tmp_path / "test.parquet")
    files = {address.path: (tmp_path / "test.parquet").read_bytes()}
    with serve_hub({"datasets/openai/gsm8k": files}, commit=address.revision) as hub:
        done = run_command(workspace, "benchmark:gsm8k", tmp_path, hub.endpoint)
    assert done.returncode == 0, done.stderr
    folder = done.stdout.strip()
    manifest = read_manifest(folder)
    assert manifest.rows_out == 1319
    assert manifest.inputs["benchmark_uri"][0].uri == str(address)
    assert json.loads((Path(folder) / RECORD).read_text(encoding="utf-8"))["rows"] == 1319


def test_a_copy_in_another_format_and_order_is_the_same_benchmark(
    workspace: Workspace, tmp_path: Path, of_four_rows: None
) -> None:
    records = [gsm8k(n) for n in range(4)]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "test.parquet")
    first = import_benchmark(workspace, "gsm8k", str(tmp_path / "test.parquet"))
    second = import_benchmark(workspace, "gsm8k", write(tmp_path / "test.jsonl", records[::-1]))
    assert first != second
    assert (Path(first) / RECORD).read_bytes() == (Path(second) / RECORD).read_bytes()


def test_the_first_rows_of_a_benchmark_are_checked_as_a_part_of_the_whole(
    workspace: Workspace, tmp_path: Path, of_four_rows: None
) -> None:
    file = write(tmp_path / "test.jsonl", [gsm8k(n) for n in range(4)])
    folder = import_benchmark(workspace, "gsm8k", file, num_questions=2)
    assert [row.answer for row in workspace.read(folder, Question)] == ["1", "2"]
    assert json.loads((Path(folder) / RECORD).read_text(encoding="utf-8"))["rows"] == 4


def test_a_killed_import_of_a_benchmark_is_continued(workspace: Workspace, tmp_path: Path, of_four_rows: None) -> None:
    file = write(tmp_path / "test.jsonl", [gsm8k(n) for n in range(4)])
    folder = import_benchmark(workspace, "gsm8k", file, rows_per_part=2)
    manifest = read_manifest(folder)
    (Path(folder) / "_manifest.json").unlink()
    (Path(folder) / part_name(1)).unlink()
    assert import_benchmark(workspace, "gsm8k", file, rows_per_part=2) == folder
    assert read_manifest(folder).parts == manifest.parts
    assert read_manifest(folder).files == manifest.files


def test_another_digest_than_that_of_the_first_import_is_refused_and_both_are_named(
    workspace: Workspace, tmp_path: Path, of_four_rows: None
) -> None:
    first = import_benchmark(workspace, "gsm8k", write(tmp_path / "test.jsonl", [gsm8k(n) for n in range(4)]))
    digest = json.loads((Path(first) / RECORD).read_text(encoding="utf-8"))["digest"]
    other = write(tmp_path / "other.jsonl", [gsm8k(n) for n in range(1, 5)])
    before = sorted(Path(workspace.uri).rglob("*"))
    with pytest.raises(InputError, match=rf"other\.jsonl has .*\(digest [0-9a-f]{{64}}\) than .* \(digest {digest}\)"):
        import_benchmark(workspace, "gsm8k", other)
    assert sorted(Path(workspace.uri).rglob("*")) == before
    import_benchmark(workspace, "math", write(tmp_path / "math.jsonl", [maths(n) for n in range(4)]))


def test_another_digest_than_the_declared_one_is_refused(tmp_path: Path) -> None:
    declared = dataclasses.replace(benchmarks.benchmarks()["gsm8k"], rows={4: "ours"}, digest="f" * 64)
    table = open_benchmark_file(declared, write(tmp_path / "test.jsonl", [gsm8k(n) for n in range(4)]))
    source = BenchmarkSource(benchmark=declared, table=table, limit=0, place=str(tmp_path / "none"))
    with pytest.raises(InputError, match=f"than the declared benchmark \\(digest {'f' * 64}\\)"):
        source.count()
    known = dataclasses.replace(declared, digest=json.loads(source.record())["digest"])
    assert dataclasses.replace(source, benchmark=known).count() == 4


@pytest.mark.parametrize(
    ("name", "number", "message"),
    [
        ("gsm8k", 1318, r"has 1,318 of its rows; expected 1,319 \(the test set\)"),
        ("olympiadbench", 673, r"has 673 of its rows; expected 674 \(the copy on the hub\) or 675 \(the data of DART"),
        ("math", 0, r"has 0 of its rows; expected 5,000"),
    ],
)
def test_another_number_of_rows_is_refused(
    workspace: Workspace, tmp_path: Path, name: str, number: int, message: str
) -> None:
    file = write(tmp_path / "mirror.jsonl", [ROWS[name](n) for n in range(number)])
    with pytest.raises(InputError, match=message):
        import_benchmark(workspace, name, file)
    assert not Path(workspace.uri).exists()


@pytest.mark.parametrize("number", [674, 675])
def test_both_known_sets_of_olympiadbench_are_accepted(workspace: Workspace, tmp_path: Path, number: int) -> None:
    file = write(tmp_path / "mirror.jsonl", [olympiad(n) for n in range(number)])
    assert read_manifest(import_benchmark(workspace, "olympiadbench", file)).rows_out == number


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "gsm8k",
            {"answer": ""},
            r"row 3 of the benchmark: column 'answer' is empty; expected a question and an answer",
        ),
        ("gsm8k", {"answer": None}, r"row 3 of the benchmark: column 'answer' is empty"),
        ("olympiadbench", {"question": " "}, r"row 3 of the benchmark: column 'question' is empty"),
        (
            "olympiadbench",
            {"error": "small"},
            r"mirror\.jsonl:3: column 'error' \(benchmark olympiadbench\) holds 'small'; expected a number",
        ),
        ("olympiadbench", {"error": "nan"}, r"column 'error' .* holds 'nan'; expected a number"),
        ("math", {"level": [["5"]]}, r"mirror\.jsonl:3: column 'level' \(benchmark math\) holds \[\['5'\]\] \(list\)"),
    ],
)
def test_a_row_that_lacks_something_is_one_message_and_nothing_is_written(
    workspace: Workspace, tmp_path: Path, of_four_rows: None, name: str, change: dict[str, Any], message: str
) -> None:
    records = [ROWS[name](n) for n in range(4)]
    with pytest.raises(InputError, match=message):
        import_benchmark(
            workspace, name, write(tmp_path / "mirror.jsonl", [*records[:2], records[2] | change, records[3]])
        )
    assert not Path(workspace.uri).exists()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "math",
            {"solution": "So it is 3."},
            r"2 of 4 rows .* 'solution' \(the first is row 2 .*one in the last \\boxed",
        ),
        ("math", {"solution": r"It is $\boxed{3$."}, r"2 of 4 rows .* 'solution' \(the first is row 2 "),
        ("gsm8k", {"answer": "She has 7 pears."}, r"2 of 4 rows .* 'answer' \(the first is row 2 .*one behind ####"),
        ("gsm8k", {"answer": "7"}, r"2 of 4 rows .* 'answer' \(the first is row 2 "),
        ("gsm8k", {"answer": "So 3 + 4 = 7.\n#### "}, r"2 of 4 rows .* 'answer' \(the first is row 2 "),
    ],
)
def test_answers_that_cannot_be_read_are_one_message_with_their_number_and_nothing_is_written(
    workspace: Workspace, tmp_path: Path, of_four_rows: None, name: str, change: dict[str, Any], message: str
) -> None:
    records = [ROWS[name](n) | (change if n % 2 else {}) for n in range(4)]
    with pytest.raises(InputError, match=message):
        import_benchmark(workspace, name, write(tmp_path / "mirror.jsonl", records))
    assert not Path(workspace.uri).exists()


def test_a_file_with_other_columns_is_refused(workspace: Workspace, tmp_path: Path) -> None:
    file = write(tmp_path / "mirror.jsonl", [gsm8k(0)])
    with pytest.raises(InputError, match=r"no column 'problem' \(benchmark math\); found: question, answer"):
        import_benchmark(workspace, "math", file)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "benchmark:gsm"}, r"no benchmark 'gsm'; expected one of gsm8k, math, college_math, olympiadbench"),
        (
            {"source": "a.jsonl", "benchmark_uri": "b.jsonl"},
            "--source 'a.jsonl' is no benchmark; expected --source benchm",
        ),
        ({"source": "benchmark:math", "answer_column": "a", "name": "n"}, "--answer-column, --name cannot be set with"),
        (
            {"source": "benchmark:math", "benchmark_uri": "hf://org/name@main"},
            "is not an address of a dataset on the hub",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ImportQuestionsConfig(workspace="w", **options)


def test_an_unknown_benchmark_ends_the_command_with_exit_code_2(workspace: Workspace, tmp_path: Path) -> None:
    done = run_command(workspace, "benchmark:gsm", tmp_path)
    assert done.returncode == 2
    assert "there is no benchmark 'gsm'" in done.stderr
    assert not Path(workspace.uri).exists()


def run_command(workspace: Workspace, source: str, cache: Path, endpoint: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "components.import_questions", "--workspace", workspace.uri, "--source", source]
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
