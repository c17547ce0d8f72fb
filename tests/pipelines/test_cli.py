import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from typer.main import get_command

from components.filter_language.config import FilterLanguageConfig
from components.shared.processes import host
from components.shared.records import Question
from components.shared.workspace import Workspace
from pipelines.cli import app
from tests.components.shared.sample_folders import write_folder
from tests.components.shared.workspace.test_lineage import halve
from tests.conftest import WriteRows
from tests.processor_time import cpu_seconds
from tests.source_tree import ROOT


def scalequest(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", *arguments]
    environment = {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin", "COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, check=False)


def test_help_is_quick_and_loads_nothing_heavy(tmp_path: Path) -> None:
    before = cpu_seconds()
    result = scalequest("--help", cwd=tmp_path)
    assert result.returncode == 0
    assert all(name in result.stdout for name in ("run", "compile", "show", "verify", "gc"))
    assert cpu_seconds() - before < 2  # it takes 0.3 s; what else the machine does is left out of account
    heavy = (
        "import sys; from pipelines import cli; print(sorted({'kfp', 'pyarrow', 'rich', 'yaml'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_version_is_told(tmp_path: Path) -> None:
    result = scalequest("--version", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, f"scalequest {metadata.version('scalequest')}\n")


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("sh", {"show"}),
        ("run answer", {"answer", "answer-smoke"}),
        ("logs runs/x train_s", {"train_scorer", "train_sft"}),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_completes_commands_presets_and_steps(
    shell: str, words: str, completed: set[str], tmp_path: Path
) -> None:
    line = f"scalequest {words}"
    code = "import sys; sys.argv[0] = 'scalequest'; from pipelines.cli import main; main()"
    environment = {
        "PATH": "/usr/bin:/bin",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - 1),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_SCALEQUEST_COMPLETE": f"complete_{shell}",
    }
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False, cwd=ROOT
    )
    assert completed <= {*re.findall(r"[a-z_-]+", result.stdout)}, result.stdout + result.stderr


WITHOUT_JSON = {"compile", "new"}  # they write files of a checkout, and say nothing but these files' names


def test_each_command_but_those_for_developers_has_a_json_form_and_the_manual_names_them_all() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]  # a group's
    without = {name for name, command in commands.items() if not any("--json" in each.opts for each in command.params)}
    assert without == WITHOUT_JSON
    manual = (ROOT / "docs" / "command.md").read_text(encoding="utf-8").partition("## JSON")[2].partition("\n## ")[0]
    assert {name for name in commands if f"`{name}`" in manual} == {*commands}


def test_quiet_and_verbose_contradict_each_other(tmp_path: Path) -> None:
    result = scalequest("run", "smoke", "-q", "-v", cwd=tmp_path)
    assert result.returncode == 2
    assert "-q and -v contradict each other" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nope"], "unknown preset 'nope'; expected one of answer, "),
        (["run", "smoke", "--set", "nope=1"], "unknown parameter 'nope'; `scalequest parameters PRESET` lists all"),
        (
            ["run", "smoke", "--set", "generator_num_questions=1.5"],
            "generator_num_questions: 1.5 is not accepted; expected a whole number",
        ),
        (["run", "smoke", "--set", "solver_num_responses=-1"], "solver_num_responses -1 is out of range"),
        (["run", "smoke", "--workspace", "a_file/below"], "a_file cannot be written; give a writable directory"),
        (["run", "smoke", "--workspace", "ftp://host/x"], "'ftp://host/x' has the unknown scheme 'ftp'"),
        (["show", "nothing_here"], "no folder of rows or model exists here"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2_and_nothing_is_written(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    (tmp_path / "a_file").touch()
    result = scalequest(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a_file"]


def test_show_prints_the_ledger_and_escapes_what_rows_hold(
    workspace: Workspace, write_questions: WriteRows, tmp_path: Path
) -> None:
    folder = write_questions(workspace, ["[red]How[/red] many \x1b[31mapples?", "long " * 200])
    result = scalequest("show", folder, cwd=tmp_path)
    assert result.returncode == 0
    assert "2 in = 2 out + 0 rejected" in result.stdout
    assert "[red]How[/red] many \\x1b[31mapples?" in result.stdout
    assert "… (1000 characters)" in result.stdout
    assert "\x1b" not in result.stdout


def test_show_prints_the_rows_that_a_folder_rejected(workspace: Workspace, tmp_path: Path) -> None:
    folder = write_folder(workspace, ["", "bad", "odd"], 2)
    result = scalequest("show", f"{folder}/rejected/odd", cwd=tmp_path)
    assert result.returncode == 0
    assert "the rejected rows (odd)" in result.stdout
    assert "question 2" in result.stdout
    assert "question 1" not in result.stdout
    again = halve(workspace, f"{folder}/rejected")
    shown = scalequest("show", again, cwd=tmp_path).stdout
    assert f"{folder}/rejected" in shown
    assert f"history  ['{'/'.join(folder.split('/')[-2:])}: bad']" in shown


def test_show_of_no_rows_shows_none(workspace: Workspace, write_questions: WriteRows, tmp_path: Path) -> None:
    folder = write_questions(workspace, ["How many apples?"])
    assert "apples" not in scalequest("show", folder, "--rows", "0", cwd=tmp_path).stdout.split("figures")[-1]


def test_show_of_an_unfinished_folder_tells_what_stands_and_who_works_on_it(
    workspace: Workspace, write_questions: WriteRows, tmp_path: Path
) -> None:
    questions = write_questions(workspace, ["a", "b", "c"], rows_per_part=1)
    config = FilterLanguageConfig(workspace=workspace.uri, questions=questions, rows_per_part=1)
    folder = workspace.open(config).begin_rows(Question, workspace.read(questions, Question).slices(1))
    parts = folder.missing_parts()
    next(parts).settle(0, kept=[Question(id="a", question="a")])
    next(parts)
    for address in (folder.uri, workspace.uri):
        result = scalequest("show", address, cwd=tmp_path)
        assert result.returncode == 0
        assert f"filter_language (version {FilterLanguageConfig.VERSION}); not finished" in result.stdout
        assert "1 of 3 parts" in result.stdout
        assert host() in result.stdout
        assert ": part-00001, since 20" in result.stdout
        assert "finish with" not in result.stdout
    folder.leases.release()
    result = scalequest("show", folder.uri, cwd=tmp_path)
    assert "nobody" in result.stdout
    assert f"finish with   {folder.claim.plan.command[:40]}" in result.stdout
