import contextlib
import dataclasses
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ExitCode
from components.shared.workspace import Workspace
from pipelines.ask_command import Asked, ask
from tests.components.shared.engines.served import Answer, Served, reply, serve
from tests.hub_stand_in import serve_hub
from tests.pipelines.test_asked_model import make_dataset, publish, write
from tests.pipelines.test_cli import scalequest

SCRIPTED = ("--engine", "scripted")
NOTHING: dict[str, Any] = {
    "question": None, "number": 1, "temperature": None, "max_tokens": None, "engine": "", "endpoint": "",
    "chat_template": "", "seed": 0, "as_json": False,
}  # fmt: skip
COMMAND = [sys.executable, "-c", "from pipelines.cli import main; main()", "ask"]


@pytest.fixture
def served() -> Iterator[Served]:
    """A server that gives the same answer to everything."""
    listed = Answer(body={"data": [{"id": "m"}]})
    with serve(lambda *_: reply("It is \x1b[31m\\boxed{4}.\n"), listed) as server:
        yield server


def environment(**others: str) -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin", **others}


def test_questions_are_numbered_and_the_same_each_time(tmp_path: Path) -> None:
    first, again, other = (
        scalequest("ask", "some-model", *SCRIPTED, "-n", "3", "--seed", seed, cwd=tmp_path) for seed in "001"
    )
    assert [line.split(" ")[0] for line in first.stdout.splitlines()] == ["1.", "2.", "3."]
    assert first.stdout == again.stdout != other.stdout
    assert first.stderr == ""
    assert not [*tmp_path.iterdir()]


def test_each_reply_is_an_object_on_a_line(tmp_path: Path) -> None:
    questions = scalequest("ask", "m", *SCRIPTED, "-n", "3", "--json", cwd=tmp_path).stdout.splitlines()
    assert [sorted(json.loads(line)) for line in questions] == [["finish_reason", "num_tokens", "question"]] * 3
    answers = scalequest("ask", "m", *SCRIPTED, "-n", "2", "--question", "What is 3 + 4?", "--json", cwd=tmp_path)
    assert [json.loads(line)["question"] for line in answers.stdout.splitlines()] == ["What is 3 + 4?"] * 2


def test_a_question_is_read_from_standard_input(tmp_path: Path) -> None:
    asked = [*COMMAND, "m", *SCRIPTED, "--question", "-"]
    done = subprocess.run(
        asked, input="What is 3 + 4?\n", capture_output=True, text=True, cwd=tmp_path, env=environment(), check=True
    )
    assert done.stdout.endswith("which gives 7.\n\nThe final answer is \\boxed{7}.\n")


@pytest.mark.parametrize("way", ["argument", "input"])
def test_a_question_that_is_no_text_is_one_message(way: str, tmp_path: Path) -> None:
    for content, byte in (
        (b"a\xff", "byte 2 is 0xff"),
        (b"\xe2\x82", "byte 1 is 0xe2"),
        (b"\xed\xa0\x80", "byte 1 is"),
    ):
        done = subprocess.run(
            [*COMMAND, "m", *SCRIPTED, "--question", content if way == "argument" else "-"],
            input=content, capture_output=True, cwd=tmp_path, env=environment(), check=False
        )  # fmt: skip
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.startswith(f"scalequest ask: error: --question is no UTF-8 text ({byte}".encode())
        assert done.stderr.count(b"\n") == 1


def test_a_served_model_is_asked_as_the_steps_ask(served: Served, tmp_path: Path) -> None:
    done = scalequest("ask", "openai:m", "--endpoint", served.url, "--question", "2 + 2?", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "It is \\x1b[31m\\boxed{4}.\n"
    asked = served.requests[-1]
    assert asked["messages"][0]["content"].startswith("2 + 2?\n\nWork through the problem step by step")
    assert (asked["model"], asked["temperature"], asked["top_p"], asked["max_tokens"]) == ("m", 0.7, 0.95, 2048)


def test_the_solver_of_a_dataset_is_asked_with_the_options_of_its_run(workspace: Workspace, tmp_path: Path) -> None:
    """On a CPU, the paper's 2,048 tokens take minutes."""
    answer = Answer(body={"data": [{"id": "m"}]})
    with serve(lambda body, _: reply(*["It is \\boxed{4}."] * body["n"]), answer) as server:
        chosen = {"temperature": 0.2, "top_p": 1.0, "max_tokens": 33}
        publish(workspace, [write(workspace, "g")], model="openai:m", engine="openai", endpoint=server.url, **chosen)
        asked = Asked(**NOTHING | {"model": workspace.uri, "question": "2 + 2?"})
        for max_tokens, used in ((None, 33), (44, 44)):
            assert ask(dataclasses.replace(asked, max_tokens=max_tokens)) == 0
            assert {name: server.requests[-1][name] for name in chosen} == chosen | {"max_tokens": used}


def test_the_script_of_a_run_answers_for_its_solver_and_says_so(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    make_dataset(workspace, "g")
    asked = Asked(**NOTHING | {"model": workspace.uri, "question": "What is 3 + 4?"})
    assert ask(asked) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("First I look at what is given.")
    assert printed.err.startswith("the run had the scripted engine in place of scripted:solver, and so has this;")
    assert ask(dataclasses.replace(asked, engine="openai")) == ExitCode.BAD_INPUT


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("openai:m", {}, "openai:m cannot write questions: an endpoint gets a message, and no bare user prefix"),
        ("openai:m", {"question": "2+2?"}, "--engine openai needs --endpoint"),
        ("m", {"engine": "openai", "question": "2+2?"}, "--engine openai asks a served model; write openai:m"),
        ("./m", {"endpoint": "http://x/v1"}, "--endpoint http://x/v1 does not fit"),
        ("openai:m", {"engine": "vllm", "question": "2+2?"}, "--engine vllm does not fit openai:m; a served model is"),
        ("m", {"engine": "scripted", "question": " "}, "--question is empty"),
        ("m", {"engine": "scripted", "temperature": 0, "number": 2}, "--temperature 0 makes all 2 replies the same"),
        ("m", {"engine": "scripted", "temperature": -1.0}, "--temperature -1.0 is out of range"),
        ("m", {"engine": "scripted", "max_tokens": 0}, "--max-tokens 0 is out of range"),
        (
            "m",
            {"engine": "scripted", "chat_template": "x"},
            "--chat-template 'x' is not accepted; expected one of own,",
        ),
        ("m", {"engine": "x"}, "--engine 'x' is not accepted; expected one of vllm, openai, scripted"),
        ("nothing_here", {}, "'nothing_here' is neither a directory nor a published model"),
        ("./nothing/here", {}, "'./nothing/here': nothing exists there"),
        ("ftp://host/model", {}, "'ftp://host/model' has the unknown scheme 'ftp'"),
        ("random:llama", {}, "'random:llama' has to be imported first"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(
    model: str, options: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(Asked(**NOTHING | {"model": model} | options)) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""


def test_the_command_line_fails_as_the_function_does(tmp_path: Path) -> None:
    result = scalequest("ask", "nothing_here", cwd=tmp_path)
    assert (result.returncode, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert not [*tmp_path.iterdir()]


def test_a_question_that_the_server_refuses_is_told_with_its_words(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], _: int) -> Answer:
        if "2 + 2" in body["messages"][0]["content"]:
            return Answer(status=400, body={"error": {"message": "no sums here"}})
        return reply("2")

    with serve(answer, Answer(body={"data": [{"id": "m"}]})) as server:
        done = scalequest("ask", "openai:m", "--endpoint", server.url, "--question", "2 + 2?", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "the model gave no reply: refused (" in done.stderr
    assert "no sums here" in done.stderr


def test_ctrl_c_ends_it_while_the_server_takes_its_time(tmp_path: Path) -> None:
    def answer(body: dict[str, Any], number: int) -> Answer:
        if number > 1:  # the first one is harmless
            time.sleep(60)
        return reply("4")

    with serve(answer, Answer(body={"data": [{"id": "m"}]})) as server:
        asked = [*COMMAND, "openai:m", "--endpoint", server.url, "--question", "2 + 2?"]
        process = subprocess.Popen(asked, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
        while len(server.requests) < 2:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == ExitCode.STOPPED
    assert "Traceback" not in said


def test_a_reader_who_has_read_enough_ends_it_without_a_traceback(tmp_path: Path) -> None:
    shell = f"{' '.join(map(repr, COMMAND[:2]))} '{COMMAND[2]}' ask m --engine scripted -n 20000 | head -1"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, cwd=tmp_path, env=environment())
    assert done.stdout.startswith("1. ")
    assert "Traceback" not in done.stderr


@pytest.mark.model
def test_a_published_model_comes_from_the_hub_and_a_terminal_shows_it_token_by_token(
    tiny_model: Path, tmp_path: Path
) -> None:
    repository = "dyyyyyyyy/ScaleQuest-Qwen2-Math-7B-QGen"
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    with serve_hub({repository: files}) as hub:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [*COMMAND, "scalequest-qwen2-math-qgen", "--max-tokens", "40", "-n", "2"],
            stdout=theirs,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={**os.environ, **environment(HF_ENDPOINT=hub.endpoint, HF_HOME=str(tmp_path / "cache"))},
        )
        os.close(theirs)
        pieces = []
        with contextlib.suppress(OSError):  # how Linux reports that the other end is closed
            while piece := os.read(ours, 4096):
                pieces.append(piece)
        os.close(ours)
        _, said = process.communicate()
    assert process.returncode == 0, said
    text = b"".join(pieces).decode()
    assert text.startswith("1. ")
    assert "\r\n2. " in text
    assert len(pieces) > 10, "it came in one piece"
    assert any(f"{repository}/resolve" in request for request in hub.requests)
