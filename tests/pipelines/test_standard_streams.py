from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = "from pipelines.cli import main; main()"
UNREAD = 141


def scalequest(redirection: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a shell that redirects its streams."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'"$@" {redirection}', "bash", sys.executable, "-c", COMMAND, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **variables},
    )


@pytest.mark.parametrize(
    ("redirection", "exit_code", "message"),
    [
        ("> /dev/full", 2, "error: No space left on device, where standard output or a file is written; make room"),
        (">&-", 0, ""),
        ("<&-", 0, ""),
        ("| true", UNREAD, ""),
    ],
)
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_what_the_shell_does_with_its_streams_is_no_bug_of_ours(
    redirection: str, exit_code: int, message: str, form: tuple[str, ...]
) -> None:
    ended = scalequest(redirection, "parameters", "--options", "smoke", *form)
    assert ended.returncode == exit_code, ended.stderr
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_closed_standard_input_has_no_question() -> None:
    ended = scalequest("<&-", "ask", "openai:x", "--endpoint", "http://127.0.0.1:1/v1", "--question", "-")
    assert ended.returncode == 2
    assert "--question is empty" in ended.stderr


def test_no_file_takes_the_number_of_a_closed_stream(tmp_path: Path) -> None:
    code = f"""
import os
import subprocess
import sys
from pipelines.standard_streams import make_usable
make_usable()
file = open({str(tmp_path / "rows")!r}, "w")
os.write(1, b"printed")
os.write(2, b"printed")
child = "import os; os.write(os.open({str(tmp_path / "of a child")!r}, os.O_CREAT | os.O_WRONLY), b'row'); print(1)"
subprocess.run([sys.executable, "-c", child], check=True)
"""
    subprocess.run(["bash", "-c", '"$@" <&- >&- 2>&-', "bash", sys.executable, "-c", code], check=True)
    assert (tmp_path / "rows").read_text(encoding="utf-8") == ""
    assert (tmp_path / "of a child").read_text(encoding="utf-8") == "row"


def test_signs_that_the_terminal_lacks_are_question_marks() -> None:
    ended = scalequest("", "parameters", "paper", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0, ended.stderr
    assert "?" in ended.stdout
