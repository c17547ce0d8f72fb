"""What libraries report about their use is off before any of them is loaded, unless somebody turned it on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from components.shared.telemetry import OFF

ASK_LIBRARIES = """
from huggingface_hub import constants
assert constants.HF_HUB_DISABLE_TELEMETRY
from vllm.usage.usage_lib import is_usage_stats_enabled
assert not is_usage_stats_enabled()
"""


def answer(program: str, environment: Mapping[str, str]) -> str:
    kept = {name: value for name, value in os.environ.items() if name not in OFF}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=kept | dict(environment), capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "module", ["pipelines.cli", "components.train_sft", "components.shared.texts.math_answers._worker"]
)
def test_whatever_of_ours_is_loaded_turns_all_of_it_off_before_any_library(module: str) -> None:
    program = (
        "import os, sys\n"
        "class Watch:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        ours = name.split('.')[0] in ('components', 'pipelines')\n"
        f"        assert ours or name.split('.')[0] in sys.stdlib_module_names or {set(OFF)} <= set(os.environ), name\n"
        f"sys.meta_path.insert(0, Watch())\nimport {module}\n"
        f"print(*(os.environ[name] for name in {list(OFF)}))"
    )
    assert answer(program, {}).split() == list(OFF.values())


def test_what_somebody_set_stays() -> None:
    program = "import os, components\nprint(os.environ['HF_HUB_DISABLE_TELEMETRY'])"
    assert answer(program, {"HF_HUB_DISABLE_TELEMETRY": "0"}).strip() == "0"


@pytest.mark.slow
def test_the_libraries_follow() -> None:
    pytest.importorskip("vllm")
    answer("import components\n" + ASK_LIBRARIES, {})
