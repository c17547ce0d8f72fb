"""What the READMEs under components/ say of the code: commands with the options that exist, and all of the modules."""

from __future__ import annotations

import dataclasses
import re

import pytest

from components.shared.config import flag_of, options_of
from components.steps import config_of
from tests.source_tree import ROOT, STEPS

COMPONENTS = ROOT / "components"


def commands_in(step: str) -> list[list[str]]:
    """Return the words of each of the step's commands in its README."""
    readme = (COMPONENTS / step / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    return [found.split() for found in re.findall(rf"python3? -m components\.{step} ([^\n`]*)", readme)]


@pytest.mark.parametrize("step", STEPS)
def test_a_command_in_a_readme_has_all_options_that_it_needs_and_no_other(step: str) -> None:
    options = {flag_of(field.name): field for field in options_of(config_of(step))}
    required = {flag for flag, field in options.items() if field.default is dataclasses.MISSING}
    commands = commands_in(step)
    assert commands
    for words in commands:
        given = {word for word in words if word.startswith("--")}
        assert given <= options.keys()
        assert required <= given or "…" in words, "an ellipsis stands for what the first command has"


def test_each_shared_module_stands_in_one_line_of_the_map() -> None:
    shared = COMPONENTS / "shared"
    there = {path.stem for path in shared.glob("*.py")} - {"__init__"}
    there |= {path.parent.name for path in shared.glob("*/__init__.py")}
    lines = [
        line.split("|")[2] for line in (shared / "README.md").read_text(encoding="utf-8").splitlines() if "|" in line
    ]
    assert sorted(re.findall(r"`(\w+)/?`", " ".join(lines))) == sorted(there)
