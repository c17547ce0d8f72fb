import inspect
import re
import subprocess
import sys
import typing

import pytest

from components.shared.images import ImageName
from images.smoke_test import RUNS, steps_of
from tests.source_tree import ROOT, STEPS


@pytest.mark.parametrize("name", typing.get_args(ImageName))
def test_every_step_of_an_image_is_run_in_it(name: str) -> None:
    run = set(re.findall(r'test\.run\("(\w+)"', inspect.getsource(RUNS[name])))
    run |= {"import_questions"} if "test.questions()" in inspect.getsource(RUNS[name]) else set()
    run |= {"import_model"} if "test.model()" in inspect.getsource(RUNS[name]) else set()
    assert set(steps_of(name)) <= run


def test_every_step_is_served_by_one_image() -> None:
    assert sorted(step for name in RUNS for step in steps_of(name)) == STEPS


def test_outside_of_an_image_it_says_where_to_run_it() -> None:
    command = [sys.executable, "-m", "images.smoke_test"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert result.returncode == 2
    assert result.stderr == ("smoke_test: SCALEQUEST_IMAGE names no image of cpu, vllm, train; run it inside one\n")
