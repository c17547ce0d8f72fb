"""JSON logs: one object a line, whoever writes it, and no secret in any."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import InputError
from components.shared.log_lines import VARIABLE, log_format
from components.shared.redaction import MASK
from components.shared.workspace import Workspace
from tests.components.shared.test_redaction import CREDENTIALS, QUOTED
from tests.conftest import WriteRows
from tests.source_tree import ROOT

_WRITER = """
import logging, sys, warnings
from components.shared.log_lines import say_error, start_logging
start_logging()
logger = logging.getLogger("components.shared.workspace")
logger.info("part %d of 2: %s", 1, sys.argv[1])
warnings.warn("old " + sys.argv[1])
sys.stderr.write("half of a ")
sys.stderr.write("line of a library " + sys.argv[1] + "\\r50 %\\n")
try:
    raise ValueError("no \\"quotes\\" " + sys.argv[1])
except ValueError:
    logger.exception("it failed")
say_error("filter_language", "error: bad input " + sys.argv[1])
raise RuntimeError("a bug " + sys.argv[1])
"""


def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects of a log, one a line."""
    return [json.loads(line) for line in text.splitlines()]


def test_everything_that_a_process_says_is_an_object_a_line_without_a_secret() -> None:
    environment = os.environ | CREDENTIALS | {VARIABLE: "json"}
    command = [sys.executable, "-c", _WRITER, f'{QUOTED} "quoted" \n and é']
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    said = objects(done.stderr)
    assert "canary" not in done.stderr
    assert all(each.keys() - {"exception"} == {"time", "level", "logger", "message"} for each in said)
    assert all(each["time"].endswith("Z") for each in said)
    told = [(each["level"], each["logger"]) for each in said]
    assert told[0] == ("INFO", "components.shared.workspace")
    assert told[-3:] == [
        ("ERROR", "components.shared.workspace"),
        ("ERROR", "filter_language"),
        ("CRITICAL", "python"),
    ]
    assert MASK in said[0]["message"]
    assert said[0]["message"].endswith('"quoted" \n and é')
    assert any(each["message"].startswith("half of a line of a library") for each in said)
    assert 'ValueError: no "quotes"' in said[-3]["exception"]
    assert "RuntimeError: a bug" in said[-1]["exception"]


@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "raise ValueError('a bug')"])
def test_a_last_line_without_an_end_is_written_when_the_process_ends(ending: str) -> None:
    writer = f"""
import sys
from components.shared.log_lines import start_logging
start_logging()
sys.stderr.write("whole\\nthe last words " + sys.argv[1])
{ending}
"""
    done = subprocess.run(
        [sys.executable, "-c", writer, QUOTED],
        cwd=ROOT, env=os.environ | CREDENTIALS | {VARIABLE: "json"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = [each["message"] for each in objects(done.stderr) if each["logger"] == "stderr"]
    assert said[0] == "whole"
    assert said[1].startswith("the last words ")
    assert len(said) == 2
    assert "canary" not in done.stderr


@pytest.mark.parametrize("chosen", ["json", "text", ""])
def test_a_step_logs_as_it_is_asked_and_prints_its_folder_as_ever(
    chosen: str, workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, ["How many apples are left in the basket?"])
    command = [sys.executable, "-m", "components.filter_language", "--workspace", workspace.uri, "--questions"]
    run = {"cwd": ROOT, "env": os.environ | {VARIABLE: chosen}, "capture_output": True, "text": True}
    done: Any = subprocess.run([*command, questions], check=False, **run)  # type: ignore[call-overload]
    assert done.returncode == 0
    assert Path(done.stdout.strip(), "_manifest.json").exists()
    refused: Any = subprocess.run([*command, f"{workspace.uri}/none"], check=False, **run)  # type: ignore[call-overload]
    assert refused.returncode == 2
    if chosen == "json":
        assert any(each["message"].startswith("finished ") for each in objects(done.stderr))
        assert objects(refused.stderr)[-1]["logger"] == "filter_language"
        assert objects(refused.stderr)[-1]["message"].startswith("error: ")
    else:
        assert " INFO components.shared.workspace._claims: finished " in done.stderr
        assert refused.stderr.splitlines()[-1].startswith("filter_language: error: ")


def test_an_unknown_format_is_refused(monkeypatch: pytest.MonkeyPatch, workspace: Workspace) -> None:
    monkeypatch.setenv(VARIABLE, "yaml")
    with pytest.raises(InputError, match=r"SCALEQUEST_LOG_FORMAT is 'yaml'; expected one of text, json"):
        log_format()
    step = ["-m", "components.filter_language", "--workspace", "x", "--questions", "y"]
    tasks = [["-m", module, *_EXECUTOR_INPUT] for module in ("pipelines.run_checks", "components.import_model.several")]
    for command in (step, *tasks, _LIST):
        done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert "SCALEQUEST_LOG_FORMAT is 'yaml'" in done.stderr
        assert len(done.stderr.splitlines()) == 1


_EXECUTOR_INPUT = ["--executor-input", '{"inputs": {}, "outputs": {"outputFile": "/nowhere"}}']
_LIST = ["-c", "from pipelines.cli import main; main()", "list", "somewhere"]


def test_a_command_that_fails_says_so_in_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "json")
    done = subprocess.run([sys.executable, *_LIST], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    (said,) = objects(done.stderr)
    assert (said["level"], said["logger"]) == ("ERROR", "scalequest list")
    assert said["message"].startswith("error: somewhere: no run and no folder")
