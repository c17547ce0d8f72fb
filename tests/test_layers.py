"""Who may import whom, who may open files, how long a function may be: the architecture, executable."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import TypeGuard

from tests.source_tree import ROOT, STEP_FOLDERS, functions_of, imports_of, name_of, nodes_of, python_files

ALL_FOLDERS = ("benchmarks", "components", "helm", "images", "manifests", "pipelines", "tests")
MAX_FUNCTION_LINES = 40  # from def to its last line
# Each takes a second or more to load, needs an accelerator, or is not in every image.
HEAVY = {
    "torch", "transformers", "trl", "vllm", "datasets", "math_verify", "lingua", "reasoning_gym", "rensa",
    "httpx", "openai", "deepspeed", "accelerate", "peft", "gguf", "scipy", "pandas", "safetensors", "huggingface_hub",
}  # fmt: skip
LIGHT = {"pyarrow", "yaml", "jinja2", "fsspec", "numpy"}
OPENING = {"open", "read_text", "read_bytes", "write_text", "write_bytes"}
# What libraries need a local path for, and files that belong to nobody's workspace.
OPENS_FILES = {
    "components/shared/stores/storage.py": "the one place",
    "components/shared/stores/_directories.py": "its part for directories",
    "components/shared/processes.py": "what the kernel says of processes",
    "components/shared/texts/prompts.py": "prompts of the package itself",
    "components/shared/texts/vocabulary.py": "lists of words of the package itself",
    "components/shared/texts/leaks.py": "the planted leaks of the package itself",
    "components/shared/templates/__init__.py": "chat families of the package itself",
    "components/shared/images.py": "the images.json of the package itself",
    "components/shared/command/kubeflow_answer.py": "the output files that Kubeflow names",
    "components/shared/models/files.py": "a local model directory",
    "components/shared/models/weight_files.py": "a local model directory",
    "components/import_questions/benchmarks.py": "the benchmarks.yaml of the package itself",
    "components/shared/models/tokenizers.py": "a local model directory",
    "components/shared/models/_node_cache.py": "the locks of the node's cache",
    "components/shared/stores/_partial_files.py": "local files that are being downloaded",
    "components/shared/stores/_s3_uploads.py": "local files that are being uploaded",
    "components/shared/stores/_sign_in.py": "what the kernel says of the machine",
    "components/shared/command/termination_message.py": "the file that Kubernetes reads when a container ends",
    "components/shared/stores/transfers.py": "local files that are being copied",
    "components/shared/templates/written_template.py": "a local model directory",
    "components/shared/training/job.py": "what passes between a step and the processes that it launches here",
    "components/train_dpo/trainer.py": "a checkpoint's local directory",
}

# What each step, or each package that is a command, has under the same name.
ROLES = {"init", "main", "config", "step", "trainer"}

STEP_FILES = [path for folder in STEP_FOLDERS for path in sorted(folder.glob("*.py"))]
COMPONENTS = python_files("components")
# Who looks behind a package's face, and at whose.
INSIDERS: defaultdict[str, tuple[str, ...]] = defaultdict(
    tuple,
    {"components.shared.workspace": ("components.shared.upkeep",)},  # it checks and clears the folders themselves
)
OURS = ("components", "pipelines", "tests")


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


def test_kfp_is_imported_where_components_are_made_only() -> None:
    importers = [each for each in imports_of(COMPONENTS) if each.package == "kfp"]
    _assert_none(each for each in importers if name_of(each.path) != "components/kubeflow.py")
    assert importers, "components/kubeflow.py imports it"


def test_a_step_imports_its_own_folder_and_what_is_shared() -> None:
    _assert_none(
        each
        for each in imports_of(STEP_FILES)
        if each.package in OURS
        and not _is_below(each.module, "components.shared", f"components.{each.path.parent.name}")
    )


def test_what_is_shared_knows_no_step() -> None:
    imports = imports_of(python_files("components/shared"))
    _assert_none(each for each in imports if each.package in OURS and not _is_below(each.module, "components.shared"))


def test_a_private_module_is_imported_within_its_package_only() -> None:
    imports = imports_of(python_files("components", "helm", "images", "manifests", "pipelines"))
    private = [(each, each.module.partition("._")[0]) for each in imports if "._" in each.module.replace(".__", "")]
    ours = [(each, package) for each, package in private if _is_below(package, "components.shared")]
    _assert_none(each for each, package in ours if not _is_below(_module_of(each.path), package, *INSIDERS[package]))
    assert ours


def test_no_two_modules_have_one_name() -> None:
    places = defaultdict(list)
    for path in python_files("components", "pipelines"):
        places[path.stem.strip("_")].append(name_of(path))
    _assert_none(names for stem, names in places.items() if len(names) > 1 and stem not in ROLES)


def test_a_step_file_loads_light_packages_only() -> None:
    imports = imports_of(path for path in STEP_FILES if path.name == "step.py")
    _assert_none(each for each in imports if each.package not in {*sys.stdlib_module_names, *LIGHT, "components"})


def test_a_heavy_library_is_imported_at_the_top_of_a_leaf_file_which_is_loaded_where_it_is_needed() -> None:
    heavy = [each for each in imports_of(COMPONENTS) if each.package in HEAVY]
    leaf_files = {each.path for each in heavy if each.at_the_top}  # they may load a second one where it is needed
    _assert_none(each for each in heavy if each.path not in leaf_files)
    assert leaf_files


def test_pipelines_know_of_the_steps_their_components_and_configs_only() -> None:
    known = ("components.shared", "components.kubeflow", "components.steps")
    imports = imports_of(python_files("pipelines"))
    _assert_none(each for each in imports if each.package == "components" and not _is_below(each.module, *known))
    _assert_none(each for each in imports if each.package in HEAVY)


def test_functions_are_short() -> None:
    functions = [(path, node) for path in python_files(*ALL_FOLDERS) for node in functions_of(path)]
    lengths = [(path, node, (node.end_lineno or 0) - node.lineno + 1) for path, node in functions]
    _assert_none(
        f"{name_of(path)}:{node.lineno}: {node.name} has {lines} lines; {MAX_FUNCTION_LINES} are the most"
        for path, node, lines in lengths
        if lines > MAX_FUNCTION_LINES
    )


def test_only_storage_opens_files_and_what_needs_a_local_path() -> None:
    opened = [(path, node) for path in COMPONENTS for node in nodes_of(path) if _opens_a_file(node)]
    _assert_none(
        f"{name_of(path)}:{node.lineno}: {ast.unparse(node.func)}: go through components.shared.stores.storage"
        for path, node in opened
        if name_of(path) not in OPENS_FILES
    )
    assert {name_of(path) for path, _ in opened} == OPENS_FILES.keys(), "an exception that is not needed any more"


def test_no_file_names_a_place_of_one_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    place = re.compile(rb"(?<![\w.:/-])/(?:work|root|home|Users)/\w")
    paths = [ROOT / name for name in listed if name != "tests/test_layers.py"]
    assert paths
    assert not [name_of(path) for path in paths if path.is_file() and place.search(path.read_bytes())]


def _assert_none(offenders: Iterable[object]) -> None:
    """Fail with all offenders, one a line."""
    lines = [str(each) for each in offenders]
    assert not lines, "\n".join(["", *lines])


def _module_of(path: Path) -> str:
    return name_of(path.with_suffix("")).replace("/", ".")


def _is_below(module: str, *packages: str) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def _opens_a_file(node: ast.AST) -> TypeGuard[ast.Call]:
    """Tell whether a node is a call of ``open`` or the like, but of our own storage's or of a workspace's."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, ast.Attribute):
        ours = isinstance(node.func.value, ast.Name) and node.func.value.id in ("storage", "workspace")
        return node.func.attr in OPENING and not ours
    return isinstance(node.func, ast.Name) and node.func.id in OPENING
