from __future__ import annotations

import json
import shlex
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared import stopping
from components.shared.command import step_command
from components.shared.command.step_command import parse_config, run_step
from components.shared.config import PartsConfig, StepConfig, option
from components.shared.config.values import STEP_OPTIONS
from components.shared.errors import EngineDiedError, ExitCode, InputError, UnavailableError
from components.shared.jobs import JobRequest, coordinator
from components.shared.records import Question
from components.shared.stores.inventory import list_objects
from components.shared.workspace import Workspace
from components.shared.workspace._attempts import judge, read_attempts, work_of
from components.shared.workspace._leases import LEASES
from components.shared.workspace.planning import command_of
from components.shared.workspace.plans import Slice


@dataclass(frozen=True, kw_only=True)
class SampleConfig(PartsConfig):
    """Sample 100% of the rows."""

    name: str = option(help="any text")
    count: int = option(3, help="how many")
    share: float = option(0.5, help="share in %", minimum=0, maximum=1)
    keep: bool = option(False, help="keep rejects")
    mode: str = option("fast", help="how", choices=("fast", "exact"))


GIVEN = ["--workspace", "w", "--name", "n"]


def test_each_option_has_a_flag_and_an_empty_value_means_not_given() -> None:
    config, task = parse_config(SampleConfig, [*GIVEN, "--count", "", "--share=0.25", "--keep", "True"])
    assert config == SampleConfig(workspace="w", name="n", share=0.25, keep=True)
    assert task is None


def test_kubeflows_values_are_the_options_and_what_it_leaves_out_has_the_steps_default() -> None:
    given = {"workspace": "w", "name": "n", "count": 7.0, "share": 0.25, "keep": True, "mode": ""}
    config, _ = parse_config(SampleConfig, task_with(given))
    assert config == SampleConfig(workspace="w", name="n", count=7, share=0.25, keep=True)


def test_what_a_person_set_for_the_step_goes_before_what_the_pipeline_passes() -> None:
    """The step that a config of this file belongs to is "command", by its module's place."""
    step_options = json.dumps({"command": {"count": 8, "share": 0.25, "mode": ""}, "another_step": {"colour": "red"}})
    given = {"workspace": "w", "name": "n", "count": 7, "keep": True, "mode": "exact", STEP_OPTIONS: step_options}
    config, _ = parse_config(SampleConfig, task_with(given))
    assert config == SampleConfig(workspace="w", name="n", count=8, share=0.25, keep=True, mode="fast")


@pytest.mark.parametrize(
    ("step_options", "message"),
    [
        ("{", "the parameter options is '{'; expected"),
        ("[1]", "the parameter options is '[1]'; expected"),
        ('{"command": 3}', "the parameter options is"),
        ('{"command": {"colour": "red"}}', "command has no option 'colour'; expected one of count, keep, mode, name, "),
        ('{"command": {"cuont": 3}}', "command has no option 'cuont'; did you mean 'count'?"),
        ('{"command": {"workspace": "x"}}', "the pipeline gives each task of command its own workspace"),
        ('{"command": {"count": "many"}}', "--count 'many' is not accepted; expected a whole number"),
        ('{"command": {"share": 2}}', "--share 2.0 is out of range; expected 0 to 1"),
    ],
)
def test_what_a_run_must_not_set_is_refused_by_the_step(step_options: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_config(SampleConfig, task_with({"workspace": "w", "name": "n", STEP_OPTIONS: step_options}))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_option_by_name_goes_before_kubeflows() -> None:
    config, _ = parse_config(SampleConfig, [*task_with({"workspace": "w", "name": "n", "count": 7}), "--count", "8"])
    assert config.count == 8


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "--workspace, --name must be given"),
        ({"colour": "red"}, "--executor-input gives colour, which this step does not have; expected any of workspace"),
        ({"count": 3.5}, "--count '3.5' is not accepted; expected a whole number"),
        ({"count": [1]}, "--count '[1]' is not accepted; expected a whole number"),
        ({"keep": 1}, "--keep '1' is not accepted; expected true or false"),
        ({"share": {"a": 1}}, "is not accepted; expected a number"),
    ],
)
def test_bad_values_of_kubeflow_are_one_message(
    values: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        run_step(
            SampleConfig,
            lambda config, workspace: "",
            task_with({"workspace": "w", "name": "n"} | values if values else {}),
        )
    assert left.value.code == ExitCode.BAD_INPUT
    assert message in capsys.readouterr().err.splitlines()[-1]


def task_with(values: dict[str, Any]) -> list[str]:
    """Return the arguments that a task of Kubeflow has."""
    told = {"inputs": {"parameterValues": values}, "outputs": {"outputFile": "nowhere"}}
    return ["--executor-input", json.dumps(told)]


@pytest.mark.parametrize(
    ("text", "value"), [("7", 7), ("-7", -7), ("3.0", 3), ("1e+06", 1_000_000), ("9" * 18, 10**18 - 1)]
)
def test_whole_numbers_are_read_as_kubeflow_writes_them(text: str, value: int) -> None:
    config, _ = parse_config(SampleConfig, [*GIVEN, "--count", text])
    assert config.count == value


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        ([], "--workspace, --name must be given; --help lists all options"),
        (["--workspace", "w", "--name", ""], "--name must be given"),
        ([*GIVEN, "--colour", "red"], "unrecognized arguments: --colour red; python -m components.command --help"),
        ([*GIVEN, "--cou", "3"], "unrecognized arguments: --cou 3"),
        ([*GIVEN, "--count"], "argument --count: expected one argument"),
        ([*GIVEN, "--count", "3.5"], "--count '3.5' is not accepted; expected a whole number"),
        ([*GIVEN, "--count", "inf"], "--count 'inf' is not accepted; expected a whole number"),
        ([*GIVEN, "--count", "many"], "--count 'many' is not accepted; expected a whole number"),
        ([*GIVEN, "--share", "half"], "--share 'half' is not accepted; expected a number"),
        ([*GIVEN, "--share", "nan"], "--share nan is not accepted; expected a finite number"),
        ([*GIVEN, "--share", "1.5"], "--share 1.5 is out of range; expected 0 to 1"),
        ([*GIVEN, "--keep", "yes"], "--keep 'yes' is not accepted; expected true or false"),
        ([*GIVEN, "--mode", "quick"], "--mode 'quick' is not accepted; expected one of fast, exact"),
        ([*GIVEN, "--rows-per-part", "0"], "--rows-per-part 0 is out of range"),
    ],
)
def test_a_bad_command_line_is_one_message(argv: list[str], message: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_config(SampleConfig, argv)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@given(
    name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    count=st.integers(-(2**60), 2**60),
    share=st.floats(0, 1),
    keep=st.booleans(),
)
def test_the_command_that_a_plan_names_gives_the_config_back(name: str, count: int, share: float, keep: bool) -> None:
    config = SampleConfig(workspace="a folder", name=name, count=count, share=share, keep=keep)
    words = shlex.split(command_of(config))
    assert words[:3] == ["python", "-m", "components.command"]
    assert parse_config(SampleConfig, words[3:])[0] == config


def test_help_names_every_option_its_choices_and_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        parse_config(SampleConfig, ["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert left.value.code == 0
    assert "Sample 100% of the rows." in text
    for line in ("any text [required]", "share in % [0.5]", "keep rejects [false]", "how (fast, exact) [fast]"):
        assert line in text
    assert "executor" not in text


@pytest.mark.parametrize(("error", "code"), [(InputError, 2), (UnavailableError, 75), (EngineDiedError, 75)])
def test_an_error_that_is_not_ours_ends_with_its_code_and_one_line(
    error: type[Exception], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(config: StepConfig, workspace: Workspace) -> str:
        raise error("nobody answers; try again later")

    with pytest.raises(SystemExit) as left:
        run_step(SampleConfig, fail, GIVEN)
    assert left.value.code == code
    assert capsys.readouterr().err.splitlines()[-1] == "command: error: nobody answers; try again later"


@pytest.mark.parametrize(
    ("error", "is_blamed"),
    [(InputError, False), (UnavailableError, False), (KeyError, False), (EngineDiedError, True), (MemoryError, True)],
)
def test_only_an_end_that_a_row_may_be_to_blame_for_leaves_a_lease(
    error: type[Exception], is_blamed: bool, tmp_path: Path
) -> None:
    def fail(config: SampleConfig, workspace: Workspace) -> str:
        folder = workspace.open(config).begin_rows(Question, [Slice(start=0, stop=1)])
        next(folder.missing_parts())
        raise error("over")

    with pytest.raises((SystemExit, error)):
        run_step(SampleConfig, fail, ["--workspace", str(tmp_path), "--name", "n"])
    (leases,) = tmp_path.glob(f"*/*/{LEASES}")
    standing = judge(read_attempts(list_objects(str(leases))), lambda *_: True)
    assert standing.parts == (Counter([work_of(0)]) if is_blamed else Counter())


def test_a_workspace_of_an_unknown_scheme_ends_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        run_step(SampleConfig, lambda config, workspace: "", ["--workspace", "ftp://x", "--name", "n"])
    assert left.value.code == ExitCode.BAD_INPUT
    assert "unknown scheme 'ftp'" in capsys.readouterr().err


@pytest.mark.parametrize("number", stopping.SIGNALS)
def test_signals_are_the_processs_own_again_once_a_step_has_ended(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    before, told_before = signal.getsignal(number), signal.set_wakeup_fd(-1)

    def run(config: SampleConfig, workspace: Workspace) -> str:
        assert signal.getsignal(number) != before
        return "folder"

    with pytest.raises(SystemExit, match="0"):
        run_step(SampleConfig, run, GIVEN)
    assert signal.getsignal(number) == before
    assert signal.set_wakeup_fd(told_before) == -1


def test_what_libraries_print_stays_off_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    def talk(config: StepConfig, workspace: Workspace) -> str:
        sys.stdout.write("a library's banner\n")
        return "the folder"

    with pytest.raises(SystemExit):
        run_step(SampleConfig, talk, GIVEN)
    printed = capsys.readouterr()
    assert printed.out == "the folder\n"
    assert "a library's banner" in printed.err


def test_a_step_prints_its_folder_and_tells_kubeflow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = {"outputs": {"outputFile": str(tmp_path / "out.json"), "parameters": {}, "artifacts": {}}}
    with pytest.raises(SystemExit) as left:
        run_step(
            SampleConfig, lambda config, workspace: workspace.uri, ["--workspace", str(tmp_path / "w"), "--name", "n",
            "--executor-input", json.dumps(outputs)],
        )  # fmt: skip
    assert left.value.code == 0
    assert capsys.readouterr().out == f"{tmp_path}/w\n"
    assert json.loads((tmp_path / "out.json").read_text())["parameterValues"] == {"folder": f"{tmp_path}/w"}


# --- where the work is done ---------------------------------------------------------------------------------------


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where work was done, in order: a Job, several processes, here."""
    done: list[str] = []

    def as_job(config: SampleConfig, workspace: Workspace, request: JobRequest) -> str:
        done.append(f"Job of {request.pods} pods of {request.image} with {request.profile}")
        return "folder"

    def in_processes(config: SampleConfig, workspace: Workspace, number: int) -> str:
        done.append(f"{number} processes")
        return "folder"

    monkeypatch.setattr(coordinator, "run_as_job", as_job)
    monkeypatch.setattr(step_command, "run_in_processes", in_processes)
    return done


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"profile": "p", "pods": "2..16", "image": "i"}, "Job of 2..16 pods of i with p"),
        ({"profile": "", "pods": "8", "image": "i"}, "8 processes"),
        ({"profile": "", "pods": "1", "image": "i"}, "here"),
        ({}, "here"),
    ],
)
def test_the_work_is_done_where_the_task_says(said: dict[str, str], place: str, places: list[str]) -> None:
    _work(SampleConfig, {"workspace": "w", "name": "n"} | said, places)
    assert places == [place]


def test_a_step_that_cannot_be_shared_leaves_the_number_of_pods_alone(places: list[str]) -> None:
    _work(StepConfig, {"workspace": "w", "pods": "8"}, places)
    assert places == ["here"]


@pytest.mark.parametrize(
    ("pods", "message"),
    [
        ("2..16", "pods '2..16' is a range, which only a Job takes; without a profile, give a number"),
        ("0", "pods '0' is not accepted; expected a number from 1 to 256, or a range of them such as 2..16"),
        ("many", "pods 'many' is not accepted"),
    ],
)
def test_a_number_of_processes_that_there_cannot_be_is_bad_input(
    pods: str, message: str, places: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        run_step(SampleConfig, lambda config, workspace: "", task_with({"workspace": "w", "name": "n", "pods": pods}))
    assert message in capsys.readouterr().err
    assert places == []


def _work(config: type[StepConfig], values: dict[str, str], places: list[str]) -> None:
    def here(config: StepConfig, workspace: Workspace) -> str:
        places.append("here")
        return "folder"

    with TemporaryDirectory() as outputs:
        told = {"inputs": {"parameterValues": values}, "outputs": {"outputFile": f"{outputs}/out.json"}}
        with pytest.raises(SystemExit, match="0"):
            run_step(config, here, ["--executor-input", json.dumps(told)])
