from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines import scaffold
from pipelines.scaffold import LONGEST_NAME, SCAFFOLDS, make_new
from tests.pipelines.test_cli import scalequest
from tests.source_tree import ROOT


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As much of a checkout as the command looks at."""
    listed = [kind.listed_in for kind in SCAFFOLDS.values() if kind.listed_in]
    for name in ("pyproject.toml", scaffold.CHECKOUT, *listed):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.setattr(scaffold, "ROOT", tmp_path)
    return tmp_path


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", SCAFFOLDS)
@pytest.mark.parametrize("name", ["zig", "a_" * (LONGEST_NAME // 2 - 1) + "zz"])
def test_what_is_written_is_clean_whatever_the_name(
    kind: str, name: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_in(checkout)
    assert make_new(kind, name) == 0
    written = files_in(checkout) - before
    assert written
    assert written <= set(capsys.readouterr().out.splitlines())
    paths = [path for path in sorted(written) if path.endswith(".py")]
    for words in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, *paths]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_a_filter_is_the_last_of_those_in_the_pipelines(checkout: Path) -> None:
    make_new("filter", "filter_length")
    tree = ast.parse((checkout / "pipelines/filter_questions.py").read_text(encoding="utf-8"))
    (listed,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "CPU_FILTERS"
    )
    assert listed[-1] == "filter_length"


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("filters", "x", "unknown kind 'filters'; expected one of filter, step, engine"),
        ("filter", "deduplicate", "deduplicate already exists; choose another name"),
        ("step", "shared", "shared already exists; choose another name"),
        ("engine", "vllm", "vllm already exists; choose another name"),
        ("filter", "Filter-Length", "'Filter-Length' cannot be the name of a filter; expected lower-case words"),
        ("filter", "../x", "'../x' cannot be the name of a filter"),
        ("step", "class", "'class' cannot be the name of a step"),
        ("step", "a" * (LONGEST_NAME + 1), "cannot be the name of a step"),
    ],
)
def test_a_name_that_is_bad_or_taken_is_one_message_and_nothing_is_written(
    kind: str, name: str, message: str, checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files_in(checkout)
    assert make_new(kind, name) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("scalequest new: error: ")
    assert message in line
    assert files_in(checkout) == before


def test_what_is_there_is_never_written_over(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "components/filter_length").mkdir(parents=True)
    (checkout / "components/filter_length/step.py").write_text("mine")
    before = files_in(checkout)
    assert make_new("filter", "filter_length") == 2
    assert "components/filter_length/step.py already exists" in capsys.readouterr().err
    assert files_in(checkout) == before


def test_outside_of_a_checkout_it_says_what_to_do(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / scaffold.CHECKOUT).unlink()
    assert make_new("filter", "filter_length") == 2
    assert "is not a checkout of the repository: clone it, run make install" in capsys.readouterr().err


def test_the_command_ends_with_the_code(tmp_path: Path) -> None:
    done = scalequest("new", "filter", "deduplicate", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
