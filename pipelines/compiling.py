"""Writes the compiled pipelines, and checks that they are up to date and free of known traps.

Needs kfp and kfp-kubernetes only. Where nothing else is installed, ``python -m pipelines.compiling [--check]`` does
what ``scalequest compile`` does.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from kfp import compiler

from components.shared.images import read_names
from pipelines.compiled_checks import find_defects, find_images_without_digest
from pipelines.compiled_pipeline import COMPILED, executors_on_kubernetes, read_documents
from pipelines.compiled_secrets import find_secrets

PIPELINES = ("scalequest", "train_question_generator", "construct_dataset", "train_solver", "answer_questions")


def compile_or_check(check: bool) -> int:
    """Write the compiled pipelines and name them, or only say what is wrong with them; return the exit code."""
    if not check:
        sys.stdout.writelines(f"{path}\n" for path in compile_pipelines())
        return 0
    problems = check_compiled()
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


def compile_pipelines(folder: Path = COMPILED) -> list[Path]:
    """Compile every pipeline into ``folder``; return the files."""
    paths = [folder / f"{name}.yaml" for name in PIPELINES]
    for name, path in zip(PIPELINES, paths, strict=True):
        figure = getattr(importlib.import_module(f"pipelines.{name}"), name)
        compiler.Compiler().compile(figure.pipeline, str(path))
    return paths


def check_compiled() -> list[str]:
    """Return what is wrong with the files in ``pipelines/compiled``, one line each; [] where all is well.

    Compares what the files do and not their bytes: the compiler orders the comment at the top by chance, and notes its
    own version.
    """
    with tempfile.TemporaryDirectory() as folder:
        fresh = {path.name: read_documents(path) for path in compile_pipelines(Path(folder))}
    standing = {path.name: read_documents(path) for path in sorted(COMPILED.glob("*.yaml"))}
    problems = [
        f"{name} is not up to date; run: scalequest compile"
        for name in sorted(fresh | standing)
        if what_it_does(fresh.get(name, [])) != what_it_does(standing.get(name, []))
    ]
    return problems + [f"{name}: {defect}" for name, documents in fresh.items() for defect in _defects(documents)]


def _defects(documents: list[dict[str, Any]]) -> list[str]:
    # Before the first release there are tags only.
    undigested = find_images_without_digest(documents) if read_names()["digests"] else []
    return find_defects(documents) + find_secrets(documents) + undigested


def what_it_does(documents: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a compiled pipeline with each component and executor where it is used, instead of its name."""
    if not documents:
        return {}
    spec, kubernetes = documents[0], executors_on_kubernetes(documents)

    def inline(component: dict[str, Any]) -> dict[str, Any]:
        if "dag" not in component:
            label = component["executorLabel"]
            return component | {"executorLabel": [spec["deploymentSpec"]["executors"][label], kubernetes.get(label)]}
        tasks = {
            name: task | {"componentRef": inline(spec["components"][task["componentRef"]["name"]])}
            for name, task in component["dag"]["tasks"].items()
        }
        return component | {"dag": component["dag"] | {"tasks": tasks}}

    rest = {name: value for name, value in spec.items() if name not in ("components", "deploymentSpec", "sdkVersion")}
    return rest | {"root": inline(spec["root"])}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m pipelines.compiling", description="Compile the pipelines.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not up to date")
    sys.exit(compile_or_check(parser.parse_args().check))
