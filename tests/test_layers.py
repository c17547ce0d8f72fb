"""Who may import whom, who may open files, how long a function may be: the architecture, executable."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source_tree import (
    ROOT,
    STEP_FOLDERS,
    functions_of,
    imports_at_the_top,
    imports_of,
    name_of,
    parsed,
    python_files,
)

MAX_FUNCTION_LINES = 60
# Each takes a second or more to load, needs an accelerator, or is not in every image.
HEAVY = {
    "torch", "transformers", "trl", "vllm", "datasets", "math_verify", "lingua", "reasoning_gym", "datasketch", "rensa",
    "httpx", "openai", "deepspeed", "accelerate", "peft", "gguf", "scipy", "pandas", "safetensors", "huggingface_hub",
}  # fmt: skip
LIGHT = {"pyarrow", "yaml", "jinja2", "fsspec", "numpy"}
# Libraries that read a local file themselves, or files that belong to nobody's workspace.
OPENS_FILES = {
    "components/shared/storage.py": "the one place",
    "components/shared/directories.py": "its part for directories",
    "components/shared/prompts.py": "prompts of the package itself",
    "components/shared/templates/__init__.py": "chat families of the package itself",
    "components/shared/images.py": "the images.json of the package itself",
    "components/shared/kubeflow_task.py": "the output files that Kubeflow names",
    "components/shared/models.py": "a local model directory",
    "components/shared/node_cache.py": "the locks of the node's cache",
    "components/shared/partial_files.py": "local files that are being downloaded",
    "components/shared/s3_uploads.py": "local files that are being uploaded",
    "components/shared/termination_message.py": "the file that Kubernetes reads when a container ends",
    "components/shared/transfers.py": "local files that are being copied",
    "components/shared/scoring/__init__.py": "a local model directory",
    "components/shared/training_job.py": "what passes between a step and the processes that it launches here",
}

STEP_FILES = [path for folder in STEP_FOLDERS for path in sorted(folder.glob("*.py"))]
COMPONENTS = python_files("components")


def test_configs_load_nothing_but_the_standard_library_and_yaml() -> None:
    # Compiling needs kfp alone, which brings PyYAML, and --help is quick.
    code = """
import sys
before = set(sys.modules)
from components.steps import config_of, step_names
for step in step_names():
    config_of(step)
print(*{name.split(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))
"""
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name for name in result.stdout.split() if not name.startswith(("cython_", "_cython_"))}
    assert loaded == {"components", "yaml"}


@pytest.mark.parametrize("path", COMPONENTS, ids=name_of)
def test_kfp_is_imported_where_components_are_made_only(path: Path) -> None:
    assert ("kfp" in _packages(imports_of(path))) == (name_of(path) == "components/kubeflow.py")


@pytest.mark.parametrize("path", STEP_FILES, ids=name_of)
def test_a_step_imports_its_own_folder_and_what_is_shared(path: Path) -> None:
    ours = {module for module in imports_of(path) if module.split(".")[0] in ("components", "pipelines", "tests")}
    allowed = ("components.shared", f"components.{path.parent.name}")
    assert not {module for module in ours if not f"{module}.".startswith(tuple(f"{name}." for name in allowed))}


@pytest.mark.parametrize("path", python_files("components/shared"), ids=name_of)
def test_what_is_shared_knows_no_step(path: Path) -> None:
    ours = {module for module in imports_of(path) if module.split(".")[0] in ("components", "pipelines", "tests")}
    assert all(module.startswith("components.shared") for module in ours), ours


@pytest.mark.parametrize("path", [path for path in STEP_FILES if path.name == "step.py"], ids=name_of)
def test_a_step_file_loads_light_packages_only(path: Path) -> None:
    assert _packages(imports_of(path)) <= {*sys.stdlib_module_names, *LIGHT, "components"}


@pytest.mark.parametrize("path", COMPONENTS, ids=name_of)
def test_heavy_libraries_stand_at_the_top_of_leaf_files(path: Path) -> None:
    top = _packages(imports_at_the_top(path)) & HEAVY  # a leaf file may load a second one where it is needed
    inside = _packages(imports_of(path)) & HEAVY
    assert top or not inside, (
        f"import {', '.join(inside)} at the top of a leaf file, and load that file where it is needed"
    )


@pytest.mark.parametrize("path", python_files("pipelines"), ids=name_of)
def test_pipelines_know_of_the_steps_their_components_and_configs_only(path: Path) -> None:
    steps = {module for module in imports_of(path) if re.match(r"components\.(?!shared\b)", module)}
    assert steps <= {"components.kubeflow", "components.steps"}, steps
    assert not _packages(imports_of(path)) & HEAVY


@pytest.mark.parametrize("path", python_files("components", "pipelines"), ids=name_of)
def test_functions_are_short_and_nothing_is_printed(path: Path) -> None:
    # From the body's first line: the signatures of components repeat options, one a line.
    lengths = {node.name: _num_lines(node) for node in functions_of(path)}
    assert not {name: lines for name, lines in lengths.items() if lines > MAX_FUNCTION_LINES}
    if name_of(path) != "components/shared/cli.py":
        assert "print" not in {ast.unparse(node.func) for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)}


@pytest.mark.parametrize("path", COMPONENTS, ids=name_of)
def test_only_storage_opens_files_and_leaf_files_of_libraries_that_need_a_path(path: Path) -> None:
    if name_of(path) in OPENS_FILES or _packages(imports_at_the_top(path)) & HEAVY:
        return
    opened = _calls(path) & {"open", "read_text", "write_text", "write_bytes"}
    assert not opened, f"{', '.join(opened)}: go through components.shared.storage"


def test_every_exception_to_the_rule_still_stands() -> None:
    assert all((ROOT / name).exists() for name in OPENS_FILES)


def test_no_file_names_a_place_of_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    place = re.compile(rb"(?<![\w.:/-])/(?:work|root|home|Users)/\w")
    paths = [ROOT / name for name in listed if name != "tests/test_layers.py"]
    assert paths
    assert not [name_of(path) for path in paths if path.is_file() and place.search(path.read_bytes())]


def _num_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or 0) - node.body[0].lineno + 1


def _packages(modules: list[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


def _calls(path: Path) -> set[str]:
    """Return the names of what a file calls: functions, and methods of anything but our own storage."""
    calls = [node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    methods = {
        func.attr
        for func in calls
        if isinstance(func, ast.Attribute) and not (isinstance(func.value, ast.Name) and func.value.id == "storage")
    }
    return methods | {func.id for func in calls if isinstance(func, ast.Name)}
