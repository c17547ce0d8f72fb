"""The repository's files, what they import and the steps among them, for the tests of the architecture."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEP_FOLDERS = sorted(
    path
    for path in (ROOT / "components").iterdir()
    if path.is_dir() and path.name != "shared" and not path.name.startswith((".", "_"))
)
STEPS = [path.name for path in STEP_FOLDERS]


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below the given folders of the repository, sorted."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """Return a path as it is written in the repository."""
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=name_of(path))


def imports_of(path: Path) -> list[str]:
    """Return the full names of all modules that a file imports, wherever the import stands."""
    return [module for node in ast.walk(parsed(path)) for module in _modules(node)]


def imports_at_the_top(path: Path) -> list[str]:
    """Return the full names of the modules that a file imports when it is loaded."""
    return [module for node in parsed(path).body for module in _modules(node)]


def functions_of(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a file."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _modules(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports are absolute here"
        module = node.module or ""
        # "from components.shared import storage" names a module, "from … .storage import join" something in it
        return [f"{module}.{alias.name}" if _is_module(f"{module}.{alias.name}") else module for alias in node.names]
    return []


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()
