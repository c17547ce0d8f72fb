"""A runner that starts a real step, one that waits for work, and prints the number of its process: to be killed."""

from __future__ import annotations

import sys
import time

from pipelines.step_processes import StepProcesses

STEP = """
import os, sys, time
from components.shared.command.step_command import run_step
from components.filter_language.step import FilterLanguageConfig

def run(config, workspace):
    print(os.getpid(), flush=True, file=sys.stderr)
    time.sleep(600)

run_step(FilterLanguageConfig, run, sys.argv[1:])
"""


def hear(line: str) -> None:
    """Pass on what the step says."""
    sys.stdout.write(line)
    sys.stdout.flush()


if __name__ == "__main__":
    StepProcesses(lambda _: None, lambda: None).run(["-c", STEP, *sys.argv[1:]], hear)
    time.sleep(600)
