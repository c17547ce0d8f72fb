"""`make install` on small packages: the real script and pip, indexes on this machine."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images import wheels
from tests.images.wheels import index, write_wheel
from tests.source_tree import ROOT

CPU_BUILD = {"torch/__init__.py": "from . import version\n", "torch/version.py": "cuda = None\n"}
CUDA_BUILD = CPU_BUILD | {"torch/version.py": "cuda = '13.0'\n"}
BROKEN_BUILD = {"torch/__init__.py": "raise ImportError('libcudnn.so.9: cannot open shared object file')\n"}
PROJECT = """
[build-system]
requires = []
build-backend = "wheels"
backend-path = ["."]
[project]
name = "project"
version = "1.0"
"""
INSTALL = "images/laptop/install.sh"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the script and a lock of two packages: torch, and what stands for the other 4 GB."""
    folder = tmp_path / "project"
    (folder / "images/laptop").mkdir(parents=True)
    shutil.copy(ROOT / INSTALL, folder / INSTALL)
    shutil.copy(wheels.__file__, folder)
    (folder / "images/laptop/requirements.txt").write_text("another==1.0\ntorch==2.13.0+cpu\n")
    (folder / "pyproject.toml").write_text(PROJECT)
    return folder


@pytest.fixture
def another(tmp_path: Path) -> Path:
    return write_wheel(tmp_path, "another", "1.0", {"another.py": ""})


@pytest.fixture
def hanging() -> Iterator[str]:
    """An index that takes requests and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def install(project: Path, configured: str, torch_index: str, *words: str, **environment: str) -> tuple[int, str]:
    """Run the script where pip is configured for one index alone; return the exit code and what it said."""
    result = subprocess.run(
        ["sh", INSTALL, *words],
        cwd=project,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(project.parent),
            "PYTHON": sys.executable,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_INDEX_URL": configured,
            "PIP_NO_CACHE_DIR": "1",
            "TORCH_INDEX": torch_index,
            **environment,
        },
        capture_output=True,
        text=True,
    )
    return result.returncode, result.stdout + result.stderr


@pytest.mark.slow
def test_torch_comes_from_its_own_index_and_everything_else_from_where_pip_is_configured_to_look(
    project: Path, another: Path, tmp_path: Path
) -> None:
    torch = write_wheel(tmp_path, "torch", "2.13.0+cpu", CPU_BUILD)
    with index(torch) as (torch_index, asked_for_torch), index(another) as (configured, asked):
        code, said = install(project, configured, torch_index)
    assert code == 0, said
    assert said == ""
    assert {path.strip("/").partition("-")[0] for path in asked_for_torch} == {"torch"}
    assert not any("torch" in path for path in asked)
    command = [str(project / ".venv/bin/python"), "-c", "import another, torch, wheels; print(wheels.__file__)"]
    assert subprocess.run(command, capture_output=True, text=True, cwd="/").stdout.startswith(str(project))


@pytest.mark.slow
@pytest.mark.parametrize("reachable", ["refuses", "hangs"])
def test_an_index_that_is_not_reachable_is_passed_over(
    project: Path, another: Path, tmp_path: Path, hanging: str, reachable: str
) -> None:
    torch = write_wheel(tmp_path, "torch", "2.13.0+cpu", CPU_BUILD)
    with index(torch, another) as (configured, _):
        code, said = install(project, configured, hanging if reachable == "hangs" else "http://127.0.0.1:9")
    assert (code, said) == (0, "")


@pytest.mark.slow
def test_a_folder_of_wheels_that_pip_is_configured_for_is_enough(project: Path, another: Path, tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    write_wheel(folder, "torch", "2.13.0+cpu", CPU_BUILD)
    with index(another) as (configured, _):
        assert install(project, configured, "http://127.0.0.1:9", PIP_FIND_LINKS=str(folder)) == (0, "")


@pytest.mark.slow
def test_without_a_build_for_processors_it_ends_before_anything_else_is_fetched(
    project: Path, another: Path, tmp_path: Path
) -> None:
    plain = write_wheel(tmp_path, "torch", "2.13.0", CUDA_BUILD)  # PyPI's
    with index(plain, another) as (configured, asked):
        code, said = install(project, configured, "http://127.0.0.1:9")
    assert code == 2
    assert "make install TORCH_INDEX=https://…" in said
    assert asked == ["/torch/"]


@pytest.mark.slow
@pytest.mark.parametrize("build", [CUDA_BUILD, BROKEN_BUILD])
def test_a_build_that_is_for_cuda_or_does_not_load_is_found_before_anything_else_is_fetched(
    project: Path, another: Path, tmp_path: Path, build: dict[str, str]
) -> None:
    torch = write_wheel(tmp_path, "torch", "2.13.0+cpu", build)
    with index(torch) as (torch_index, _), index(another) as (configured, asked):
        code, said = install(project, configured, torch_index)
    assert code == 2
    assert "does not load" in said
    assert "run: make install TORCH_INDEX=" in said
    assert asked == []


@pytest.mark.slow
def test_the_light_environment_needs_no_torch(project: Path) -> None:
    with index() as (configured, asked):
        assert install(project, configured, "http://127.0.0.1:9", "light") == (0, "")
    assert asked == []
    assert (project / ".venv/bin/python").exists()


def stand_in(folder: Path, name: str, body: str) -> None:
    """Put a command on a search path that has no other Python."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A search path with what every system has, and no Python."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "grep", "uname", "mkdir", "cat"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


@pytest.mark.parametrize(
    ("there", "remedy"),
    [
        ({"apt-get": "", "apt-cache": "[ $2 = python3.12-venv ]"}, "run: apt-get install python3.12-venv\n"),
        ({"apt-get": "", "apt-cache": "exit 1"}, "run: apt-get update && apt-get install python3-venv\n"),
        ({"dnf": ""}, "run: dnf install python3.12\n"),
        ({"brew": ""}, "run: brew install python@3.12\n"),
        ({}, "run: make {mode} PYTHON=/path/to/python3.12\n"),
        # a stand-in that only says which versions there are
        ({"python3.12": "exit 127"}, "run: make {mode} PYTHON=/path/to/python3.12\n"),
    ],
)
@pytest.mark.parametrize(("mode", "words"), [("install", ()), ("light", ("light",))])
def test_without_a_python_that_fits_it_says_the_one_command(
    project: Path, bare: Path, there: dict[str, str], remedy: str, mode: str, words: tuple[str, ...]
) -> None:
    for name, body in there.items():
        stand_in(bare, name, body)
    code, said = install(project, "http://127.0.0.1:9", "http://127.0.0.1:9", *words, PATH=str(bare), PYTHON="")
    assert code == 2
    missing = f"make {mode}: Python 3.11, 3.12 or 3.13 is not here, or of another version; "
    assert said == missing + remedy.format(mode=mode)
    assert not (project / ".venv").exists()


def test_without_the_module_for_environments_it_says_the_one_command(project: Path, bare: Path) -> None:
    # Debian's Python without python3-venv: it runs, and has no ensurepip
    hidden = f'case $2 in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"'
    stand_in(bare, "python3", hidden)
    stand_in(bare, "apt-get", "")
    stand_in(bare, "apt-cache", "")
    code, said = install(project, "http://127.0.0.1:9", "http://127.0.0.1:9", PATH=str(bare), PYTHON="")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert code == 2
    assert said.endswith(f"python3 has no module that makes environments; run: apt-get install python{version}-venv\n")


@pytest.mark.slow
def test_the_first_python_that_fits_is_taken(project: Path, bare: Path, another: Path, tmp_path: Path) -> None:
    stand_in(bare, "python3.11", "exit 127")
    stand_in(bare, "python3.12", f'exec {sys.executable} "$@"')
    stand_in(bare, "python3.13", "exit 127")
    (bare / "rm").symlink_to(str(shutil.which("rm")))
    torch = write_wheel(tmp_path, "torch", "2.13.0+cpu", CPU_BUILD)
    with index(torch, another) as (configured, _):
        assert install(project, configured, configured, PATH=str(bare), PYTHON="") == (0, "")
