import subprocess
import sys
import typing
from pathlib import Path

import pytest

from components.shared.command.step_command import parse_config
from components.shared.images import ImageName
from components.steps import config_of
from images.smoke_test import RUNS, SmokeTest, steps_of
from tests.source_tree import ROOT, STEPS


class Listed(SmokeTest):
    """Runs nothing: reads each step's options as its command does."""

    def run(self, step: str, *options: str) -> str:
        parse_config(config_of(step), ["--workspace", self.workspace, *options])
        self.ran.append(step)
        return f"{self.workspace}/{step}/1"

    def check(self, *command: str) -> None:
        """Look at nothing."""


@pytest.mark.parametrize("name", typing.get_args(ImageName))
def test_every_step_of_an_image_is_run_in_it_with_options_that_it_takes(name: str, tmp_path: Path) -> None:
    test = Listed(tmp_path)
    RUNS[name](test)
    assert set(steps_of(name)) <= set(test.ran)


def test_every_step_is_served_by_one_image() -> None:
    assert sorted(step for name in RUNS for step in steps_of(name)) == STEPS


def test_outside_of_an_image_it_says_where_to_run_it() -> None:
    command = [sys.executable, "-m", "images.smoke_test"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert result.returncode == 2
    assert result.stderr == ("smoke_test: SCALEQUEST_IMAGE names no image of cpu, vllm, train; run it inside one\n")
