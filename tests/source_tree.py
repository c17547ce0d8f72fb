"""The repository's files, what they import and the steps among them, for the tests of the architecture."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEP_FOLDERS = sorted(
    path
    for path in (ROOT / "components").iterdir()
    if path.is_dir() and path.name != "shared" and not path.name.startswith((".", "_"))
)
STEPS = [path.name for path in STEP_FOLDERS]
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, kw_only=True)
class Import:
    """One module that a file imports, wherever the import stands."""

    path: Path
    line: int
    module: str
    at_the_top: bool  # it is loaded with the file

    @property
    def package(self) -> str:
        """The package that has to be installed, or "components" and the like."""
        return self.module.partition(".")[0]

    def __str__(self) -> str:
        return f"{name_of(self.path)}:{self.line}: {self.module}"


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below the given folders of the repository, sorted; each folder has some."""
    found = {folder: sorted((ROOT / folder).rglob("*.py")) for folder in folders}
    assert all(found.values()), found
    return [path for paths in found.values() for path in paths]


def name_of(path: Path) -> str:
    """Return a path as it is written in the repository."""
    return path.relative_to(ROOT).as_posix()


@functools.cache
def parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=name_of(path))


@functools.cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a file's syntax tree."""
    return tuple(ast.walk(parsed(path)))


def imports_of(paths: Iterable[Path]) -> list[Import]:
    """Return everything that the files import."""
    return [each for path in paths for each in _imports_of(path)]


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a file."""
    return (node for node in nodes_of(path) if isinstance(node, FUNCTIONS))


@functools.cache
def _imports_of(path: Path) -> tuple[Import, ...]:
    top = parsed(path).body
    return tuple(
        Import(path=path, line=node.lineno, module=module, at_the_top=node in top)
        for node in nodes_of(path)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in _modules(node)
    )


def _modules(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    assert node.level == 0, "imports are absolute here"
    module = node.module or ""
    # "from components.shared.stores import storage" names a module, "from … .storage import join" something in it
    return [f"{module}.{alias.name}" if _is_module(f"{module}.{alias.name}") else module for alias in node.names]


@functools.cache
def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()
