"""SIGTERM at any moment of a process' life ends it with 143, or by the signal itself: never as if it had failed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.shared.errors import ExitCode
from components.shared.workspace.manifests import MANIFEST

pytestmark = pytest.mark.slow

NUM_MOMENTS = 20
SECONDS = 60.0  # for what takes one, on a busy machine
AS_FIRST_PROCESS = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child"]


def test_at_any_moment_of_a_process_from_its_start_to_its_end(tmp_path: Path) -> None:
    source = tmp_path / "questions.jsonl"
    source.write_text("".join(json.dumps({"question": f"{n} + 1?", "answer": ""}) + "\n" for n in range(30)))
    started = time.monotonic()
    assert _stop_after(SECONDS, source, tmp_path / "whole") == ExitCode.DONE
    seconds = time.monotonic() - started

    codes = [
        _stop_after(seconds * number / NUM_MOMENTS, source, tmp_path / f"workspace-{number}")
        for number in range(NUM_MOMENTS + 1)
    ]

    # A process that the signal meets before it listens, or after its work, dies of it; one may be done before it comes.
    assert {ExitCode.STOPPED} <= set(codes) <= {ExitCode.STOPPED, -signal.SIGTERM, ExitCode.DONE}


def test_at_any_call_of_a_step_from_its_first_to_its_last(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.components.shared.interrupted", str(tmp_path), "4000"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    codes = {int(moment): int(code) for moment, code in map(str.split, done.stdout.splitlines())}
    assert len(codes) > 60
    assert codes.pop(0) == ExitCode.DONE
    assert (
        {ExitCode.STOPPED, -signal.SIGTERM} <= set(codes.values()) <= {ExitCode.STOPPED, -signal.SIGTERM, ExitCode.DONE}
    ), codes
    assert done.stderr.count("stopped as requested") == list(codes.values()).count(ExitCode.STOPPED)
    # Python itself drops what is raised while it tidies up: a step may get to its end with a signal at such a moment.
    for moment in (moment for moment, code in codes.items() if code == ExitCode.DONE):
        (folder,) = (tmp_path / str(moment) / "shared").iterdir()
        assert (folder / MANIFEST).exists()


@pytest.mark.skipif(
    subprocess.run([*AS_FIRST_PROCESS, "true"], capture_output=True).returncode != 0,
    reason="this machine gives no namespaces to its users",
)
def test_the_first_process_of_a_container_stops_while_it_still_imports_its_libraries() -> None:
    script = "import components, time; print('importing', flush=True); time.sleep(600)"
    command = [*AS_FIRST_PROCESS, sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as container:
        assert container.stdout is not None
        assert container.stdout.readline() == "importing\n"
        (first,) = Path(f"/proc/{container.pid}/task/{container.pid}/children").read_text().split()
        os.kill(int(first), signal.SIGTERM)
        assert container.wait(SECONDS) == ExitCode.STOPPED


def _stop_after(seconds: float, source: Path, workspace: Path) -> int:
    """Start a light step, stop it some time later; return its exit code."""
    command = [sys.executable, "-m", "components.import_questions", "--workspace", str(workspace)]
    with subprocess.Popen(
        [*command, "--source", str(source), "--rows-per-part", "3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
        _, said = process.communicate(timeout=SECONDS)
    assert b"Traceback" not in said
    return process.returncode
