"""What a run shows of its steps: a line a finished step, and what the running one is at."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from components.shared.records import Question
from components.shared.speaking import VARIABLE
from components.shared.workspace import Workspace
from components.shared.workspace.plans import Slice
from pipelines.compiled_pipeline import PlannedStep
from pipelines.progress import ConsoleObserver, _precisely
from pipelines.time_left import TimeLeft
from tests.clock import Clock
from tests.components.shared.sample_folders import write_folder
from tests.conftest import GivenRowsConfig

LOG = "2026-11-29 20:00:00,000 INFO components.shared."
STEPS = [
    PlannedStep(name=name, options={}, place=(name, str(number), "task"), item=str(number))
    for number, name in enumerate(("import_model", "train_sft", "shared", "shared"))
]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def observer(tmp_path: Path, clock: Clock) -> ConsoleObserver:
    return ConsoleObserver(Console(file=io.StringIO(), width=200), STEPS, str(tmp_path), clock)


def printed(observer: ConsoleObserver) -> list[str]:
    file = observer._console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nothing of interest", "for 42 s"),
        (f"{LOG}speaking: loading hf://org/name, for 10 s", "loading hf://org/name, for 10 s"),
        (
            f"{LOG}output_folders: part 3 of 8: 4 out, rejected {{}}; 816 of 1,504 rows, 202.8 rows/s, 3 s left",
            "816 of 1,504 rows, 202.8 rows/s, 3 s left",
        ),
        (
            "INFO:components.shared.training._step_callback:step 6 of 10: loss 1.2345, 48.0 s/step, 3 min left",
            "step 6 of 10: loss 1.2345, 48.0 s/step, 3 min left",
        ),
    ],
)
def test_what_a_step_is_at_is_taken_from_its_log(line: str, said: str, observer: ConsoleObserver, clock: Clock) -> None:
    observer.step_started("shared", {})
    clock.now += 42
    observer.step_said(line)
    observer._say()
    assert printed(observer) == [f"step 1 of 4, shared: {said}"]


def test_an_import_is_told_by_its_source(observer: ConsoleObserver, tmp_path: Path) -> None:
    observer.step_started("import_model", {"source": "hf://org/name"})
    observer._say()
    observer.step_said(f"{LOG}speaking: importing hf://org/name, for 10 s")
    observer._say()
    assert printed(observer) == [
        "step 1 of 4, import_model hf://org/name: for 0 s",
        "step 1 of 4, import_model: importing hf://org/name, for 10 s",
    ]


def test_a_finished_step_is_a_line_and_the_next_one_has_its_number(observer: ConsoleObserver, tmp_path: Path) -> None:
    folder = write_folder(Workspace(str(tmp_path)), ["", "", "unsolvable"], 2)
    observer.step_started("shared", {})
    observer.step_finished("shared", folder, 1.84)
    observer._say()  # between two steps, which takes no time
    observer.step_started("shared", {})
    observer.step_said(f"{LOG}claims: reused {folder}: finished on a day, 2 rows")
    observer.step_finished("shared", folder, 1.84)
    assert printed(observer) == [
        "1/4  shared                          1.8 s  3 in, 2 out, rejected: unsolvable 1",
        "2/4  shared                         reused  3 in, 2 out, rejected: unsolvable 1",
    ]


def costly_folder(place: Path) -> str:
    """Finish a folder that took 1,234 tokens; return its address."""
    workspace = Workspace(str(place))
    config = GivenRowsConfig(workspace=workspace.uri, content="costly")
    folder = workspace.open(config).begin_rows(Question, [Slice(start=0, stop=1)])
    for part in folder.missing_parts():
        part.add_to_metric("output_tokens", 1234)
        part.settle(0, kept=[Question(id="q", question="1+1?")])
    return folder.finish()


def test_what_the_finished_steps_took_is_told_while_the_next_one_runs(tmp_path: Path, clock: Clock) -> None:
    observer = ConsoleObserver(Console(file=io.StringIO(), width=200), STEPS, str(tmp_path), clock)
    observer.step_started("shared", {})
    observer.step_finished("shared", costly_folder(tmp_path), 1.0)
    observer.step_started("train_sft", {})
    observer._say()
    assert printed(observer)[-1].endswith("so far 1,234 tokens written")


def test_what_reused_steps_took_is_not_this_runs(tmp_path: Path, clock: Clock) -> None:
    folder = costly_folder(tmp_path)
    observer = ConsoleObserver(Console(file=io.StringIO(), width=200), STEPS, str(tmp_path), clock)
    observer.step_started("shared", {})
    observer.step_said(f"{LOG}workspace: reused {folder}: finished on a day, 1 rows")
    observer.step_finished("shared", folder, 1.0)
    observer.step_started("train_sft", {})
    observer._say()
    assert printed(observer)[-1] == "step 2 of 4, train_sft: for 0 s"


def test_what_a_step_logs_is_printed_where_that_is_asked_for_and_no_terminal_obeys_it(
    observer: ConsoleObserver, clock: Clock, tmp_path: Path
) -> None:
    verbose = ConsoleObserver(Console(file=io.StringIO(), width=200), STEPS, str(tmp_path), clock, verbose=True)
    for each in (observer, verbose):
        each.step_started("train_sft", {})
        each.step_said("loss 1.0 \x1b[31m[bold]")
    assert printed(verbose) == ["train_sft: loss 1.0 \\x1b[31m[bold]"]
    assert printed(observer) == []


def test_a_terminal_shows_a_bar_the_number_of_the_step_and_the_time(observer: ConsoleObserver, clock: Clock) -> None:
    terminal = Console(file=io.StringIO(), width=60, force_terminal=True, color_system=None)
    observer.step_started("train_sft", {})
    observer.step_said("step 5 of 10: loss 1.0, 1.0 s/step, 5 s left, and more than the terminal is wide")
    clock.now += 125
    terminal.print(observer._picture())
    assert isinstance(terminal.file, io.StringIO)
    doing, bar = terminal.file.getvalue().splitlines()
    assert doing.rstrip().endswith("train_sft: step 5 of 10: loss 1.0, 1.0 s/step, 5 s left, …")
    assert bar.split()[1:] == ["1/4", "2", "min"]


def test_the_time_left_is_that_of_steps_of_the_same_name(tmp_path: Path) -> None:
    left = TimeLeft(STEPS[2:], str(tmp_path))
    assert left.seconds("shared", 5.0, 0.5) is None
    left.finished("shared", 60.0, None, reused=False)
    assert left.seconds("shared", 0.0, 0.0) == 60.0
    assert left.seconds("shared", 20.0, 0.0) == 40.0
    assert left.seconds("shared", 20.0, 0.25) == 60.0
    assert left.seconds("shared", 99.0, 0.0) == 0.0


def test_the_time_left_is_not_known_while_a_step_to_come_never_was_done(tmp_path: Path) -> None:
    left = TimeLeft(STEPS, str(tmp_path))
    left.finished("import_model", 60.0, None, reused=False)
    assert left.seconds("train_sft", 5.0, 0.5) is None


def test_the_time_left_is_not_known_while_all_was_reused(tmp_path: Path) -> None:
    left = TimeLeft(STEPS[2:], str(tmp_path))
    left.finished("shared", 1.0, None, reused=True)
    assert left.seconds("shared", 5.0, 0.5) is None


def test_the_time_left_is_that_of_an_earlier_run_in_the_workspace(tmp_path: Path) -> None:
    write_folder(Workspace(str(tmp_path)), ["", ""], 2)
    left = TimeLeft([STEPS[0], STEPS[2]], str(tmp_path))
    left.finished("import_model", 60.0, None, reused=False)
    seconds = left.seconds("shared", 0.0, 0.0)
    assert seconds is not None
    assert seconds > 0


def test_a_run_without_a_terminal_says_what_its_step_is_at(tmp_path: Path) -> None:
    (tmp_path / "fates").write_text("wait")
    environment = os.environ | {"TMPDIR": str(tmp_path), "COLUMNS": "200", VARIABLE: "0.1"}
    command = [sys.executable, "-m", "tests.pipelines.interrupted_run", str(tmp_path)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline().startswith("step 1 of 3, tests.pipelines.echo_step: for ")
        run.terminate()


@pytest.mark.parametrize(
    ("seconds", "said"), [(59.94, "59.9 s"), (59.97, "1 min 0 s"), (61.0, "1 min 1 s"), (3599.7, "1 h 0 min")]
)
def test_what_a_step_took_has_no_sixty_seconds(seconds: float, said: str) -> None:
    assert _precisely(seconds) == said


def test_a_silence_that_is_no_number_is_bad_input(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path), VARIABLE: "soon"}
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "run", "smoke"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2
    (said,) = done.stderr.splitlines()
    assert said.startswith(
        "scalequest run: error: SCALEQUEST_SILENCE_SECONDS 'soon' is not accepted; expected a finite number "
    )
