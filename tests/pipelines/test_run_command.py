from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from kfp import compiler
from rich.console import Console

from components.shared.errors import UnavailableError
from components.shared.workspace.run_records import RunRecorder
from pipelines.arguments import Run
from pipelines.compiled_pipeline import CompiledPipeline
from pipelines.run_checks.checked_page import CheckedRun
from pipelines.run_checks.hardware_outputs import CheckedHardware
from pipelines.run_command import run_pipeline
from tests.pipelines.interrupted_run import waiting_loop


def test_the_end_of_a_run_is_kept_though_its_result_cannot_be_read_for_printing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compiler.Compiler().compile(waiting_loop, str(path := tmp_path / "waiting-loop.yaml"))
    run = Run(CompiledPipeline(path), {"names": ["one"], "fates": ""})
    recorder = RunRecorder(str(tmp_path), preset="waiting", pipeline="waiting-loop", num_steps=1, command="")
    checked = CheckedRun(
        pipeline="waiting-loop", preset="waiting", workspace=str(tmp_path), account="", advice="",
        hardware=CheckedHardware(), findings=[], steps=[],
    )  # fmt: skip

    def ending(*_: object) -> None:
        raise UnavailableError("the store does not respond")

    end = run_pipeline(run, checked, Console(file=sys.stdout), recorder, ending)
    assert end.exit_code == 0
    assert f"the store does not respond; later: scalequest show {end.folder}" in capsys.readouterr().out
    assert json.loads(Path(recorder.uri, "end.json").read_text())["exit_code"] == 0
