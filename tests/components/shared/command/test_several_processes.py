"""Processes of one step on this machine: real ones, of a real step with the scripted engine, and some with a fate."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run
from components.score_responses.config import ScoreResponsesConfig
from components.shared.command import several_processes
from components.shared.command.several_processes import run_in_processes
from components.shared.command.termination_message import FILE_VARIABLE
from components.shared.errors import ExitCode, GateClosedError, InputError, UnavailableError
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.rejects import read_content
from tests.conftest import WriteRows
from tests.source_tree import ROOT

NUM_QUESTIONS, QUESTIONS_PER_PART = 100, 2
DEADLINE_SECONDS = 60
MESSAGES = (
    "bad input: the colour is wrong",
    "bug of ours: KeyError: 'colour'",
    "nobody answers",
    "",
    "gate closed: kept is 0.1",
)


@pytest.fixture
def questions(workspace: Workspace, write_questions: WriteRows) -> str:
    return write_questions(workspace, [f"What is {number} + 1?" for number in range(NUM_QUESTIONS)])


def config_of(workspace: Workspace, questions: str, **changes: Any) -> GenerateResponsesConfig:
    given: dict[str, Any] = {
        "model": "random:llama",
        "engine": "scripted",
        "num_samples": 2,
        "rows_per_part": QUESTIONS_PER_PART,
    }
    return GenerateResponsesConfig(workspace=workspace.uri, questions=questions, **given | changes)


def command_of(config: GenerateResponsesConfig, pods: str, place: Path) -> list[str]:
    """Return the command of a task of Kubeflow that lets so many processes share the step."""
    names = ("workspace", "questions", "model", "engine", "num_samples", "rows_per_part", "gates")
    values = {name: getattr(config, name) for name in names} | {"profile": "", "pods": pods, "image": "any"}
    outputs = {"outputFile": str(place / "output.json"), "parameters": {}, "artifacts": {}}
    told = json.dumps({"inputs": {"parameterValues": values}, "outputs": outputs})
    return [sys.executable, "-m", "components.generate_responses", "--executor-input", told]


class Step:
    """A step that several processes share, and a file for its last words."""

    def __init__(self, config: GenerateResponsesConfig, place: Path, pods: str = "3") -> None:
        (words := place / "words").write_text("")
        self.words, self.folder = words, Path(config.workspace, config.step)
        self.popen = subprocess.Popen(
            command_of(config, pods, place),
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT), FILE_VARIABLE: str(words)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    @property
    def children(self) -> list[int]:
        """The processes that share the step now."""
        listed = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children")
        return [int(number) for number in listed.read_text().split()]

    def wait_for_parts(self, number: int) -> None:
        until(lambda: len(list(self.folder.glob("*/part-*.parquet"))) >= number)

    def end(self) -> tuple[int, str, str]:
        """Return how it ends, and what it printed: the exit code, standard output, standard error."""
        out, err = self.popen.communicate(timeout=DEADLINE_SECONDS)
        return self.popen.returncode, out, err


def until(happens: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not happens():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def rows_of_one_process(config: GenerateResponsesConfig, place: Path) -> Any:
    alone = Workspace(str(place / "alone"))
    return read_content(run(GenerateResponsesConfig(**vars(config) | {"workspace": alone.uri}), alone))


def test_several_processes_make_the_rows_of_one_and_report_one_folder(
    workspace: Workspace, questions: str, tmp_path: Path
) -> None:
    config = config_of(workspace, questions)
    code, out, err = (step := Step(config, tmp_path)).end()
    assert code == 0, err
    (folder,) = out.splitlines()
    assert read_content(folder) == rows_of_one_process(config, tmp_path)
    assert step.words.read_text() == f"finished: {folder}"
    assert json.loads((tmp_path / "output.json").read_text())["parameterValues"] == {"folder": folder}
    assert err.count("continued ") + err.count("new folder ") == 3, "each process' log is in this one"

    code, again, err = (step := Step(config, tmp_path)).end()
    assert (code, again) == (0, out)
    assert step.words.read_text() == f"reused: {folder}"
    assert "continued" not in err, "nothing was started for a folder that is finished"


def test_the_number_of_processes_is_no_option_so_that_folders_made_before_are_reused(
    workspace: Workspace, questions: str, tmp_path: Path
) -> None:
    folder = run(config := config_of(workspace, questions), workspace)
    code, out, _ = (step := Step(config, tmp_path, pods="8")).end()
    assert (code, out.strip()) == (0, folder)
    assert step.words.read_text() == f"reused: {folder}"


def test_what_a_killed_process_had_taken_is_done_by_the_others(
    workspace: Workspace, questions: str, tmp_path: Path
) -> None:
    step = Step(config := config_of(workspace, questions), tmp_path)
    step.wait_for_parts(5)
    os.kill(step.children[0], signal.SIGKILL)
    code, out, err = step.end()
    assert code == 0, err
    assert "of 3 was ended by signal 9; 2 others go on with its parts" in err
    assert read_content(out.strip()) == rows_of_one_process(config, tmp_path)


def test_a_folder_that_no_process_is_left_to_finish_is_to_be_tried_again(
    workspace: Workspace, questions: str, tmp_path: Path
) -> None:
    step = Step(config := config_of(workspace, questions), tmp_path)
    step.wait_for_parts(5)
    for child in step.children:
        os.kill(child, signal.SIGKILL)
    code, out, _ = step.end()
    assert (code, out) == (75, "")
    assert (
        "is not finished though its 3 processes have ended (process 1 of 3 was ended by sig" in step.words.read_text()
    )
    code, out, err = Step(config, tmp_path).end()
    assert code == 0, err
    assert read_content(out.strip()) == rows_of_one_process(config, tmp_path)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_no_process_outlives_the_one_that_started_it(
    number: signal.Signals, code: int, workspace: Workspace, questions: str, tmp_path: Path
) -> None:
    step = Step(config_of(workspace, questions), tmp_path)
    step.wait_for_parts(5)
    children = step.children
    assert len(children) == 3
    started = time.monotonic()
    step.popen.send_signal(number)
    assert step.end()[0] == code
    until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    assert time.monotonic() - started < 8
    assert not (next(step.folder.iterdir()) / "_manifest.json").exists(), "it was stopped too late to show anything"


def test_bad_input_that_a_process_finds_ends_all_with_its_message(workspace: Workspace, tmp_path: Path) -> None:
    (path := tmp_path / "rows.jsonl").write_text('{"colour": "red"}\n')
    code, out, err = (step := Step(config_of(workspace, str(path)), tmp_path)).end()
    assert (code, out) == (2, ""), err
    assert step.words.read_text().startswith("bad input: ")
    assert err.splitlines()[-1] == f"generate_responses: error: {step.words.read_text().removeprefix('bad input: ')}"


def test_a_gate_that_closes_ends_all_with_one_message(workspace: Workspace, questions: str, tmp_path: Path) -> None:
    config = config_of(workspace, questions, gates="generate_responses kept <= 0.2 stop")
    code, out, err = (step := Step(config, tmp_path)).end()
    assert (code, out) == (ExitCode.GATE_CLOSED, ""), err
    assert step.words.read_text().startswith("gate closed: the gate 'generate_responses kept <= 0.2 stop' is not kept")
    assert not list(step.folder.glob("*/_manifest.json"))


# --- processes with a fate ----------------------------------------------------------------------------------------


def let_them_end(monkeypatch: pytest.MonkeyPatch, fates: Sequence[tuple[int, str]], then: str = "pass") -> None:
    """Let the n-th process leave the n-th fate's message and end with its code."""
    program = f"import os, sys; file = os.environ['{FILE_VARIABLE}']; fates = {list(fates)!r}; {then}; "
    program += "code, message = fates[int(os.path.basename(file)) - 1]; open(file, 'w').write(message); sys.exit(code)"
    monkeypatch.setattr(several_processes, "words_of", lambda _: ["python", "-c", program])


@pytest.mark.parametrize(
    ("codes", "error", "message"),
    [
        ((75, 1, 2), InputError, "the colour is wrong"),
        ((137, 6, 6), GateClosedError, "kept is 0.1"),
        ((75, 1, 0), RuntimeError, "process 2 of 3 ended with exit code 1: bug of ours: KeyError: 'colour'"),
        ((0, 75, 0), UnavailableError, "have ended (process 2 of 3 ended with exit code 75: nobody answers); finished"),
        ((0, 137, 75), UnavailableError, "process 2 of 3 ended with exit code 137; process 3 of 3 ended with "),
        ((0, 0, 0), UnavailableError, "have ended (each left the last parts to the others); finished parts are kept"),
    ],
)  # fmt: skip
def test_the_end_of_all_is_the_most_telling_one(
    codes: Sequence[int],
    error: type[Exception],
    message: str,
    workspace: Workspace,
    questions: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = dict(zip((2, 1, 75, 0, 6), MESSAGES, strict=True))
    let_them_end(monkeypatch, [(code, words.get(code, "")) for code in codes])
    with pytest.raises(error) as raised:
        run_in_processes(config_of(workspace, questions), workspace, 3)
    assert message in str(raised.value)


def test_a_process_that_died_is_no_failure_where_the_folder_is_finished(
    workspace: Workspace, questions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run(config := config_of(workspace, questions), Workspace(workspace.uri))
    manifest = Path(folder, "_manifest.json")
    manifest.rename(manifest.with_name("later"))
    write_it = f"os.path.exists({str(manifest)!r}) or os.link({str(manifest.with_name('later'))!r}, {str(manifest)!r})"
    let_them_end(monkeypatch, [(0, ""), (137, "")], then=write_it)
    assert run_in_processes(config, workspace, 2) == folder
    assert read_manifest(folder).rows_in


@pytest.mark.parametrize(
    ("there", "number", "changes", "seen"),
    [
        (["0", "1", "2", "3"], 4, {}, ["0", "1", "2", "3"]),
        (["0", "1", "2", "3"], 2, {"tensor_parallel_size": 2}, ["0,1", "2,3"]),
        (["0", "1", "2", "3"], 2, {}, ["0", "1"]),
        (["5", "GPU-7a"], 2, {}, ["5", "GPU-7a"]),
        ([], 2, {}, ["all", "all"]),
        (["0"], 2, {"engine": "scripted"}, ["all", "all"]),
    ],
)
def test_each_process_has_its_own_gpus_where_it_uses_any_and_there_are_some(
    there: list[str],
    number: int,
    changes: dict[str, Any],
    seen: list[str],
    workspace: Workspace,
    questions: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(several_processes, "accelerators", lambda: there)
    note = f"open({str(tmp_path)!r} + '/gpus-' + file[-1], 'w').write(os.environ.get('CUDA_VISIBLE_DEVICES', 'all'))"
    let_them_end(monkeypatch, [(0, "")] * number, then=note)
    config = config_of(workspace, questions, **{"engine": "vllm", **changes})
    with pytest.raises(UnavailableError):
        run_in_processes(config, workspace, number)
    assert [path.read_text() for path in sorted(tmp_path.glob("gpus-*"))] == seen


@pytest.mark.parametrize(
    ("number", "size", "message"),
    [
        (5, 1, "pods 5 with 1 GPU each need 5 on this machine, which has 4; give pods=4"),
        (3, 2, "pods 3 with 2 GPUs each need 6 on this machine, which has 4; give pods=2"),
    ],
)
def test_fewer_gpus_than_the_processes_need_are_refused(
    number: int, size: int, message: str, workspace: Workspace, questions: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(several_processes, "accelerators", lambda: ["0", "1", "2", "3"])
    config = config_of(workspace, questions, engine="vllm", tensor_parallel_size=size)
    with pytest.raises(InputError) as raised:
        run_in_processes(config, workspace, number)
    assert message in str(raised.value)
    assert not Path(workspace.uri, "generate_responses").exists(), "nothing is written"


@pytest.mark.parametrize(("engine", "gpus"), [("scripted", 0), ("transformers", 1), ("vllm", 2)])
def test_a_scorer_uses_the_gpus_of_its_engine(engine: str, gpus: int) -> None:
    given: dict[str, Any] = {"workspace": "w", "responses": "r", "reward_model": "m", "tensor_parallel_size": 2}
    assert ScoreResponsesConfig(**given, scorer_engine=engine).num_gpus == gpus
