"""`scalequest run` of a pipeline whose steps wait in a loop: a process that gets signals.

``python -m tests.pipelines.interrupted_run FOLDER``; the file ``fates`` there says what each step meets.
"""

import logging
import signal
import sys
from pathlib import Path

from kfp import compiler, dsl
from rich.console import Console

from components.shared.log_lines import start_logging
from components.shared.workspace.run_records import RunRecorder
from pipelines.arguments import Run
from pipelines.compiled_pipeline import CompiledPipeline
from pipelines.run_checks.checked_page import CheckedRun
from pipelines.run_checks.hardware_outputs import CheckedHardware
from pipelines.run_command import run_pipeline
from tests.pipelines.echo_component import echo


@dsl.pipeline(name="waiting-loop")
def waiting_loop(names: list[str], fates: str) -> None:
    """Have steps wait for each other."""
    with dsl.ParallelFor(names) as name:
        echo(name=name, fates=fates).set_retry(3)


def main(folder: Path) -> int:
    """Run; return the exit code."""
    start_logging("%(message)s", logging.WARNING)
    path = folder / "waiting-loop.yaml"
    compiler.Compiler().compile(waiting_loop, str(path))
    arguments = {"names": ["one", "two", "three"], "fates": str(folder / "fates")}
    pipeline = CompiledPipeline(path)
    run = Run(pipeline=pipeline, arguments=arguments)
    recorder = RunRecorder(str(folder), preset="waiting", pipeline="waiting-loop", num_steps=3, command="")
    checked = CheckedRun(
        pipeline="waiting-loop", preset="waiting", workspace=str(folder), account="", advice="",
        hardware=CheckedHardware(), findings=[], steps=[],
    )  # fmt: skip
    return run_pipeline(run, checked, Console(file=sys.stdout), recorder).exit_code


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # where the tests run under nohup it would be ignored here, too
    sys.exit(main(Path(sys.argv[1])))
