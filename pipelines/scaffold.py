"""`scalequest new`: writes the files of a filter, a step or an engine, and registers it."""

from __future__ import annotations

import keyword
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

from components.shared.config.engines import ENGINES
from components.shared.errors import InputError
from components.steps import step_names
from pipelines.reporting import exit_code_of

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = Path(__file__).with_name("scaffolds")
CHECKOUT = "tests/test_contracts.py"  # which is not installed anywhere
LONGEST_NAME = 40  # Kubernetes allows 63 characters; Jobs and pods append some
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_STEP = {
    "components/$name/__init__.py": "",
    "components/$name/__main__.py": "main.txt",
    "tests/components/$name/__init__.py": "",
}


@dataclass(frozen=True, kw_only=True)
class Scaffold:
    """What is written for one kind of thing."""

    files: Mapping[str, str]  # template by path; "" is an empty file
    listed_in: str = ""  # the file that lists all of the kind
    start: str = ""  # how the list begins there
    line: str = ""  # what is added to it
    end: str = ""  # how it ends
    next: str  # what to do with it


SCAFFOLDS: Mapping[str, Scaffold] = {
    "filter": Scaffold(
        files=_STEP
        | {
            "components/$name/config.py": "filter/config.txt",
            "components/$name/step.py": "filter/step.txt",
            "components/$name/README.md": "filter/README.txt",
            "tests/components/$name/test_step.py": "filter/test_step.txt",
        },
        listed_in="pipelines/filter_questions.py",
        start="CPU_FILTERS = (\n",
        line='    "$name",\n',
        end=")\n",
        next="declare options in config.py, write judge in step.py",
    ),
    "step": Scaffold(
        files=_STEP
        | {
            "components/$name/config.py": "step/config.txt",
            "components/$name/${name}_prompt.txt": "step/prompt.txt",
            "components/$name/step.py": "step/step.txt",
            "components/$name/README.md": "step/README.txt",
            "tests/components/$name/test_step.py": "step/test_step.txt",
        },
        next="declare options in config.py, write the prompt, and judge in step.py",
    ),
    "engine": Scaffold(
        files={
            "components/shared/engines/${name}_engine.py": "engine/engine.txt",
            "tests/components/shared/engines/test_${name}_engine.py": "engine/test_engine.txt",
        },
        listed_in="components/shared/config/engines.py",
        start="ENGINES: Mapping[str, EngineKind] = MappingProxyType(\n",
        line='        "$name": EngineKind(module="${name}_engine"),\n',
        end="    }\n",
        next="declare in ENGINES what it can do, write generate",
    ),
}


def make_new(kind: str, name: str) -> int:
    """Write the first files of a new filter, step or engine; return the exit code."""
    return exit_code_of("new", lambda: _make_new(kind, name, ROOT))


def _make_new(kind: str, name: str, root: Path) -> int:
    if kind not in SCAFFOLDS:
        raise InputError(f"unknown kind {kind!r}; expected one of {', '.join(SCAFFOLDS)}")
    if not (root / CHECKOUT).exists():
        raise InputError(
            f"{root} is not a checkout of the repository: clone it, run make install, and use that checkout's "
            "scalequest"
        )
    _check_name(kind, name)
    texts = {path: _filled(template, name) for path, template in SCAFFOLDS[kind].files.items()}
    files = {Template(path).substitute(name=name): text for path, text in texts.items()}
    if there := [path for path in files if (root / path).exists()]:
        raise InputError(f"{', '.join(there)} already exists; choose another name, or delete it")
    listing = _with_line(SCAFFOLDS[kind], name, root)
    for path, text in (files | listing).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path}\n")
    _tidy([str(root / path) for path in files if path.endswith(".py")])
    sys.stdout.write(f"next: {SCAFFOLDS[kind].next}; then make generate (docs/recipes.md)\n")
    return 0


def _check_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME or keyword.iskeyword(name):
        raise InputError(
            f"{name!r} cannot be the name of a {kind}; expected lower-case words joined by _, at most "
            f"{LONGEST_NAME} characters: filter_length"
        )
    if name in (ENGINES if kind == "engine" else {*step_names(), "shared"}):
        raise InputError(f"{name} already exists; choose another name")


def _filled(template: str, name: str) -> str:
    if not template:
        return ""
    camel = "".join(word.capitalize() for word in name.split("_"))
    return Template((TEMPLATES / template).read_text(encoding="utf-8")).substitute(name=name, Name=camel)


def _tidy(paths: list[str]) -> None:
    """Sort imports and break lines, which depend on the name."""
    for command in (["check", "--fix", "--select", "I"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, "--quiet", "--no-cache", *paths], cwd=ROOT, check=False)  # noqa: S603 -- our own


def _with_line(scaffold: Scaffold, name: str, root: Path) -> dict[str, str]:
    """Return the file that lists all of the kind, with the new one at the list's end."""
    if not scaffold.listed_in:
        return {}
    text = (root / scaffold.listed_in).read_text(encoding="utf-8")
    head, start, rest = text.partition(scaffold.start)
    assert start, scaffold.start
    items, end, tail = rest.partition(scaffold.end)
    line = Template(scaffold.line).substitute(name=name)
    return {scaffold.listed_in: f"{head}{start}{items}{line}{end}{tail}"}
