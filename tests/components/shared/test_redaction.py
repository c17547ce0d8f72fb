"""No credential stands in anything that a step writes, whatever a server quotes."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.shared.log_lines import RedactingFormatter
from components.shared.redaction import MASK, excerpt, hide, redacted
from components.shared.stores.retries import ENDPOINT_VARIABLE, LIMIT_VARIABLE
from components.shared.workspace import Workspace
from components.shared.workspace.tables import read_table
from tests.components.shared.engines.endpoint_behaviours import ANSWERS, BAD, QUESTIONS, well
from tests.components.shared.engines.served import Answer, refusal, serve
from tests.conftest import WriteRows
from tests.source_tree import ROOT

CREDENTIALS = {
    "OPENAI_API_KEY": "canary-openai",
    "HF_TOKEN": "canary-hub",
    "AWS_SECRET_ACCESS_KEY": "canary/aws+secret",
    "AWS_SESSION_TOKEN": "canary-aws-session",
    "GITHUB_PAT": "canary-pat",
    "MY_PASSWORD": "canary-password",
    "HTTPS_PROXY": "http://user:canary%2Fproxy@127.0.0.1:9",
    "AWS_ENDPOINT_URL": "http://user:canary-endpoint@127.0.0.1:9",
    "HF_ENDPOINT": "https://canary-mirror@127.0.0.1:9/hub",
    "SOME_URL": "http://127.0.0.1/?name=1&api_key=canary-query",
}
QUOTED = " ".join(
    (*CREDENTIALS.values(), "canary/proxy", "canary-endpoint", "canary-mirror", "canary-query", "Bearer canary-openai")
)
AWS_FILE = """[default]
aws_access_key_id = AKIAFILE
aws_secret_access_key = canary/aws+secret
aws_session_token = canary-aws-session
"""
STRADDLING = {"id": "x" * 155, "choices": None, "said": "canary-openai"}  # the 200th character is inside the key
assert json.dumps(STRADDLING)[:200].endswith("canary-o")


def refused_text(body: dict[str, Any], _: int) -> Answer:
    message = {"role": "assistant", "content": None, "refusal": QUOTED}
    bad = Answer(body={"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
    return bad if BAD in str(body["messages"]) else well(body, 0)


def for_the_bad_row(**choice: Any) -> Any:
    """Answer the bad row by a choice with these fields, the others well."""
    return lambda body, _: (
        Answer(body={"choices": [{"index": 0, "message": {"content": "It is"}} | choice]})
        if BAD in str(body["messages"])
        else well(body, 0)
    )


_RUN = """
import sys
from pathlib import Path
from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run
from components.shared.command import termination_message
from components.shared.command.step_command import run_step
termination_message.FILE = Path(sys.argv.pop(1))
termination_message.FILE.touch()
run_step(GenerateResponsesConfig, run)
"""
_CRASH = """
import logging, os
from components.shared.command import step_command
from components.shared.config import StepConfig
def run(config, workspace):
    logging.getLogger("components").error("sent %s", os.environ["OPENAI_API_KEY"])
    raise RuntimeError(f"Illegal header value {os.environ['OPENAI_API_KEY']!r}")
step_command.run_step(StepConfig, run, ["--workspace", "nowhere"])
"""
_TRAINER = """
import logging, os, sys
from components.shared.training.job import TrainingJob
from components.shared.training.torchrun import work
from components.train_sft.config import TrainSftConfig
folder = sys.argv[1]
config = TrainSftConfig(workspace=folder, model="", examples="")
job = TrainingJob(config=config, folder=folder, model="", checkpoints_uri=folder, end_tokens=())
sys.argv[1] = str(job.write())
def train(job):
    logging.getLogger("components").error("sent %s", os.environ["OPENAI_API_KEY"])
    raise RuntimeError(f"refused {os.environ['OPENAI_API_KEY']}")
work(train, TrainSftConfig)
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("environment")
def test_what_the_environment_holds_is_masked_and_other_words_stay() -> None:
    assert "canary" not in redacted(QUOTED)
    assert redacted("the key of HF_TOKEN") == "the key of HF_TOKEN"


def test_a_text_is_masked_before_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "canary-token")
    assert excerpt("said canary-token", 10) == f"said {MASK}"[:10]


def test_an_address_that_is_none_and_one_without_a_secret_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://[broken")
    monkeypatch.setenv("PIP_INDEX_URL", "https://host.example/simple@v1?name=harmless")
    assert redacted("host.example/simple harmless broken") == "host.example/simple harmless broken"


@pytest.mark.slow
def test_a_process_that_trains_logs_and_ends_without_the_secret(tmp_path: Path) -> None:
    environment = os.environ | CREDENTIALS | {"RANK": "0"}
    command = [sys.executable, "-c", _TRAINER, str(tmp_path)]
    step, ours = os.pipe()  # as long as it is open, the step is there
    try:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=step, capture_output=True, text=True)
    finally:
        os.close(step)
        os.close(ours)
    assert done.returncode == 1, done.stderr
    assert f"sent {MASK}" in done.stderr
    assert f"RuntimeError: refused {MASK}" in done.stderr
    assert "canary" not in done.stderr


def test_a_place_of_a_secret_is_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token")
    monkeypatch.setenv("MY_TOKEN", "a")
    assert redacted("/var/run/secrets/token of a") == "/var/run/secrets/token of a"


def test_what_is_hidden_is_masked_whatever_its_variable() -> None:
    hide("canary-of-another-name")
    assert redacted("it is canary-of-another-name!") == f"it is {MASK}!"


@pytest.mark.usefixtures("environment")
def test_a_line_of_the_log_holds_no_secret_in_its_traceback_either() -> None:
    try:
        raise ValueError(QUOTED)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x", 1, "sent %s", (QUOTED,), sys.exc_info())
    assert "canary" not in RedactingFormatter().format(record)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (lambda body, _: refusal(400, QUOTED) if BAD in str(body["messages"]) else well(body, 0), 0),
        (lambda *_: refusal(401, QUOTED), 2),
        (lambda *_: Answer(body=f"<html>{QUOTED}".encode()), 2),
        (lambda *_: Answer(body={"choices": [], "error": {"message": QUOTED}}), 75),
        (lambda *_: refusal(503, QUOTED), 75),
        (lambda *_: Answer(body=QUOTED.encode()), 75),
        (refused_text, 0),
        (for_the_bad_row(error={"message": QUOTED}), 0),
        (for_the_bad_row(finish_reason=QUOTED), 0),
        (lambda body, _: Answer(body=STRADDLING) if BAD in str(body["messages"]) else well(body, 0), 0),
    ],
    ids=[
        *("bad_row", "key", "html", "error_in_200", "busy", "garbled"),
        *("refusal", "error_in_a_choice", "finish_reason", "straddling"),
    ],
)
def test_no_credential_stands_in_anything_that_a_step_writes(
    answer: Any, code: int, workspace: Workspace, write_questions: WriteRows, tmp_path: Path
) -> None:
    questions = write_questions(workspace, QUESTIONS, answers=ANSWERS)
    with serve(answer) as served:
        options = ["--workspace", workspace.uri, "--questions", questions, "--engine", "openai", "--model", "openai:m"]
        command = [sys.executable, "-c", _RUN, str(tmp_path / "last-words"), *options, "--endpoint", served.url]
        environment = os.environ | CREDENTIALS | {ENDPOINT_VARIABLE: "0"}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert served.keys[0] == f"Bearer {CREDENTIALS['OPENAI_API_KEY']}"
    assert done.returncode == code, done.stderr
    last_words = (tmp_path / "last-words").read_text()
    assert last_words
    written = [done.stdout, done.stderr, last_words]
    for path in Path(workspace.uri).rglob("*"):
        if path.is_file():
            written += [path.read_bytes().decode(errors="replace"), str(path)]
            written += [str(read_table(str(path)).to_pylist())] if path.suffix == ".parquet" else []
    assert not [text for text in written if "canary" in text]
    assert code or any(MASK in text for text in written)


@contextmanager
def quoting(status: int) -> Iterator[str]:
    """Run a server that refuses every request and quotes its headers, as a hub and as an S3 store word it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            quoted = " ".join(f"{name}: {value}" for name, value in self.headers.items())
            self.send_response(status)
            self.send_header("X-Error-Message", quoted)
            self.end_headers()
            self.wfile.write(f"<Error><Code>InvalidToken</Code><Message>{quoted}</Message></Error>".encode())

        do_HEAD = do_PUT = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.slow
@pytest.mark.parametrize("status", [400, 403, 503])
@pytest.mark.parametrize(("workspace", "source"), [("ws", "hf://org/name@main"), ("s3://bucket/ws", "random:llama")])
def test_no_credential_of_a_file_is_written_where_a_server_quotes_it(
    workspace: str, source: str, status: int, tmp_path: Path
) -> None:
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "credentials").write_text(AWS_FILE)
    (tmp_path / "hub-token").write_text("hf_canary\n")
    command = [sys.executable, "-m", "components.import_model", "--workspace", workspace, "--source", source]
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HF_"))}
    with quoting(status) as url:
        addresses = {"HF_ENDPOINT": url, "AWS_ENDPOINT_URL": url, "AWS_REGION": "us-east-1", LIMIT_VARIABLE: "0"}
        files = {"HOME": str(tmp_path), "HF_TOKEN_PATH": str(tmp_path / "hub-token")}
        environment = ours | addresses | files | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == (75 if status == 503 else 2), done.stderr
    assert MASK in done.stderr, "the server's words, without the token in them"
    assert "canary" not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_bug_of_ours_ends_with_a_traceback_without_the_secret() -> None:
    environment = os.environ | CREDENTIALS
    done = subprocess.run([sys.executable, "-c", _CRASH], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert f"RuntimeError: Illegal header value '{MASK}'" in done.stderr
    assert "canary" not in done.stderr
