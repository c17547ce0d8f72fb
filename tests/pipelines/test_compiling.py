import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from components.shared.command.kubeflow_task import read_task
from components.shared.images import read_names
from pipelines import compiling
from pipelines.compiled_pipeline import COMPILED, read_documents
from pipelines.compiling import check_compiled, compile_pipelines, compile_preset
from pipelines.preset_files import PRESETS
from pipelines.resources import NO_LIMIT_IN_TIME

Result = TypeVar("Result")

# kfp asks for these; anything else that a component imports would be missing where only kfp is installed.
BLOCK_ALL_BUT_KFP = """
import importlib.abc, sys

class Blocker(importlib.abc.MetaPathFinder):
    blocked = {"pyarrow", "fsspec", "torch", "transformers", "trl", "vllm", "datasets", "numpy", "typer", "rich"}

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in self.blocked:
            raise ImportError(f"{name} is not there")

sys.meta_path.insert(0, Blocker())
import runpy
try:
    runpy.run_module("pipelines.compiling", run_name="__main__", alter_sys=True)
except SystemExit as end:
    print(end.code)
print(sorted(name for name in sys.modules if name.startswith("components.") and name.endswith(".step")))
"""


def shallow(compile_all: Callable[[], Result]) -> Result:
    """Run in a thread: kfp reads the source of the whole stack for each task, and pytest's stack is deep."""
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(compile_all).result()


def test_the_compiled_pipelines_are_up_to_date_and_free_of_known_traps() -> None:
    assert shallow(check_compiled) == []


@pytest.mark.parametrize("path", sorted(COMPILED.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_step_knows_each_input_of_its_task_as_an_option_or_as_a_request_to_kubernetes(path: Path) -> None:
    spec = read_documents(path)[0]
    components = [spec["root"], *spec["components"].values()]
    tasks = [task for component in components for task in component.get("dag", {}).get("tasks", {}).values()]
    for task in tasks:
        component = spec["components"][task["componentRef"]["name"]]
        if "executorLabel" in component:
            told = {"inputs": {"parameterValues": task["inputs"]["parameters"]}, "outputs": {"outputFile": "nowhere"}}
            assert read_task(json.dumps(told)).given.keys() <= component["inputDefinitions"]["parameters"].keys()


def test_components_are_named_alike_in_each_compilation(tmp_path: Path) -> None:
    """Hashes differ from process to process, and with them the order of whatever has none of its own."""
    compile_once = "import sys; from pathlib import Path; from pipelines.compiling import compile_pipelines\n"
    contents = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        command = [sys.executable, "-c", f"{compile_once}compile_pipelines(Path({str(folder)!r}))"]
        subprocess.run(command, check=True, env=os.environ | {"PYTHONHASHSEED": seed})
        contents.append({path.name: read_documents(path) for path in folder.iterdir()})
    assert contents[0] == contents[1]


def test_compiling_and_checking_need_kfp_only_and_load_no_step() -> None:
    result = subprocess.run([sys.executable, "-c", BLOCK_ALL_BUT_KFP, "--check"], capture_output=True, text=True)
    assert result.stdout.splitlines() == ["0", "[]"], result.stderr


def test_a_file_that_differs_is_named_and_one_that_differs_in_bytes_only_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shallow(lambda: compile_pipelines(tmp_path))
    monkeypatch.setattr(compiling, "COMPILED", tmp_path)
    scalequest = tmp_path / "scalequest-paper.yaml"
    scalequest.write_text("# another comment\n" + scalequest.read_text())
    (tmp_path / "train-question-generator-smoke.yaml").unlink()
    changed = tmp_path / "construct-dataset-smoke.yaml"
    changed.write_text(changed.read_text().replace("maxRetryCount: 20", "maxRetryCount: 2", 1))
    assert shallow(check_compiled) == [
        "construct-dataset-smoke.yaml is not up to date; run: scalequest compile",
        "train-question-generator-smoke.yaml is not up to date; run: scalequest compile",
    ]


def test_once_images_are_released_one_without_a_digest_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "read_names", lambda: read_names() | {"digests": {"cpu": "sha256:1"}})
    problems = shallow(check_compiled)
    assert problems
    assert all("has no digest" in problem for problem in problems)


def test_every_task_retries_without_a_limit_in_time_and_leaves_reuse_to_the_workspace() -> None:
    for path in COMPILED.glob("*.yaml"):
        spec = read_documents(path)[0]
        graphs = [spec["root"], *(component for component in spec["components"].values() if "dag" in component)]
        tasks = [task for graph in graphs for task in graph["dag"]["tasks"].values()]
        steps = [task for task in tasks if "executorLabel" in spec["components"][task["componentRef"]["name"]]]
        assert steps
        assert all(task["retryPolicy"]["backoffMaxDuration"] == NO_LIMIT_IN_TIME for task in steps)
        assert all("enableCache" not in task["cachingOptions"] for task in steps)


def test_a_preset_of_ones_own_compiles_to_a_file_whose_form_has_its_values(tmp_path: Path) -> None:
    smoke = (PRESETS / "smoke.yaml").read_text(encoding="utf-8")
    (own := tmp_path / "mine.yaml").write_text(smoke.replace("qft.batch_size: 8", "qft.batch_size: 4"))
    assert compile_preset(str(own), "", str(tmp_path / "out")) == 0
    spec = read_documents(tmp_path / "out" / "scalequest-mine.yaml")[0]
    assert spec["pipelineInfo"]["name"] == "scalequest-mine"
    assert spec["root"]["inputDefinitions"]["parameters"]["generator_num_questions"]["defaultValue"] == 16
    (tuning,) = [
        task["inputs"]["parameters"]["batch_size"]
        for component in spec["components"].values()
        for task in component.get("dag", {}).get("tasks", {}).values()
        if task["taskInfo"]["name"] == "QFT"
    ]
    assert tuning == {"runtimeValue": {"constant": 4.0}}
