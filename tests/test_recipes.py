"""The recipes of docs/recipes.md, run word for word on a copy of the repository, one after another."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.source_tree import ROOT

RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
TITLES = re.findall(r"^## (.*)$", RECIPES, re.M)
_BLOCK = re.compile(r"^```(\w+) ?([\w./-]*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A fenced block: commands, a change, or a file with its path behind the language."""

    language: str
    path: str
    text: str


@dataclass(frozen=True)
class Checkout:
    """A copy of the repository that a recipe changes."""

    root: Path

    def do(self, block: Block) -> None:
        """Do what a block says."""
        if block.path:
            (self.root / block.path).write_text(block.text, encoding="utf-8")
        elif block.language == "diff":
            self.run("git", "apply", "--recount", "-", given=block.text)
        else:
            assert block.language == "sh", block
            self.run("bash", "-euo", "pipefail", "-c", block.text)

    def run(self, *command: str, given: str = "") -> str:
        """Run a command in the copy, with its code; return what it printed."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = os.environ | {"PYTHONPATH": str(self.root), "PATH": path}
        done = subprocess.run(command, cwd=self.root, env=environment, input=given, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    copy = Checkout(tmp_path_factory.mktemp("checkout"))
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines():
        if (ROOT / name).exists():  # what is removed and not committed is listed, too
            (copy.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy.root / name, follow_symlinks=False)
    copy.run("git", "init", "--quiet")
    copy.run("git", "add", "--all")  # tests look at what git knows
    yield copy
    shutil.rmtree(copy.root)


def blocks_of(title: str) -> list[Block]:
    section = RECIPES.partition(f"## {title}\n")[2].partition("\n## ")[0]
    return [Block(*found) for found in _BLOCK.findall(section)]


def test_the_changes_of_recipes_apply() -> None:
    changes = [block.text for title in TITLES for block in blocks_of(title) if block.language == "diff"]
    assert changes
    for change in changes:
        subprocess.run(["git", "apply", "--check", "--recount", "-"], cwd=ROOT, input=change, text=True, check=True)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("title", TITLES)
def test_a_recipe_ends_green(title: str, checkout: Checkout) -> None:
    blocks = blocks_of(title)
    assert len(blocks) > 1
    for block in blocks:
        checkout.do(block)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_after_all_of_them_lint_and_types_are_content_and_what_is_made_is_up_to_date(checkout: Checkout) -> None:
    checkout.run("ruff", "check", ".")
    checkout.run("ruff", "format", "--check", ".")
    checkout.run("mypy")
    checkout.run("scalequest", "compile", "--check")
    checkout.run("python", "-m", "manifests.generate", "--check")
    checkout.run("python", "-m", "pipelines.document", "--check")
    checkout.run("python", "-m", "pytest", "-q", "tests/pipelines/test_document.py", "tests/components/test_readmes.py")
