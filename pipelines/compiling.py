"""Writes the compiled pipelines, and checks that they are up to date and free of known traps.

Needs kfp and kfp-kubernetes only. Where nothing else is installed, ``python -m pipelines.compiling [--check]`` does
what ``scalequest compile`` does.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import json
import shutil
import sys
import tempfile
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from kfp import compiler

from components.shared.errors import InputError
from components.shared.images import read_names
from pipelines.compiled_checks import find_defects, find_images_without_digest
from pipelines.compiled_pipeline import (
    COMPILED,
    RELEASED,
    CompiledPipeline,
    check_pipeline,
    declared_in,
    executors_on_kubernetes,
    file_name,
    read_documents,
)
from pipelines.compiled_secrets import find_secrets
from pipelines.figure import Figure, Preset
from pipelines.parameters import parameters_of
from pipelines.preset_files import read_preset, split_values

_HEAD = "# Written by: scalequest compile\n"
LITERALS = "literals"  # what a parameter may be: Kubeflow's form draws a list


def compile_or_check(check: bool) -> int:
    """Write the compiled pipelines and name them, or only say what is wrong with them; return the exit code."""
    if not check:
        sys.stdout.writelines(f"{path}\n" for path in compile_pipelines())
        return 0
    problems = check_compiled()
    sys.stderr.writelines(f"{problem}\n" for problem in problems)
    return 1 if problems else 0


def compile_preset(preset: str, pipeline: str, folder: str) -> int:
    """Compile a preset's pipeline, or another one with its values, for it; return the exit code."""
    name = pipeline or str(read_preset(preset)["pipeline"])
    _figure(name)
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--output {folder}: {error.strerror}; give a folder that can be written") from error
    sys.stdout.write(f"{_compile(name, preset, place)}\n")
    return 0


def compile_pipelines(folder: Path = COMPILED) -> list[Path]:
    """Compile every pipeline for each preset that it is released for into ``folder``; return the files."""
    return [_compile(pipeline, preset, folder) for pipeline, presets in RELEASED.items() for preset in presets]


def _compile(pipeline: str, preset: str, folder: Path) -> Path:
    """Compile a pipeline for a preset, a name or a file; return the file."""
    figure = _figure(pipeline)
    return _write(figure, _preset_of(figure, preset), folder / file_name(pipeline, Path(preset).stem))


def compiled_for(pipeline: str, preset: str) -> CompiledPipeline:
    """Return a pipeline that is compiled for a preset now; its file lasts as long as what is returned."""
    folder = tempfile.mkdtemp()
    return _lasting(CompiledPipeline(_compile(pipeline, preset, Path(folder)), pipeline, preset), folder)


def compiled_again(pipeline: str, values: Mapping[str, Any]) -> CompiledPipeline:
    """Return the pipeline that a run's file is, from what its first task is told of the file (``Preset.values``)."""
    return _compiled_once(pipeline, json.dumps(values, sort_keys=True))


@functools.cache
def _compiled_once(pipeline: str, values: str) -> CompiledPipeline:
    folder, figure = tempfile.mkdtemp(), _figure(pipeline)
    known = {field.name for field in parameters_of(figure.group)}
    parameters, options = split_values(json.loads(values), known)
    path = _write(figure, Preset(parameters=parameters, options=options), Path(folder, file_name(pipeline, "again")))
    return _lasting(CompiledPipeline(path, pipeline), folder)


def _lasting(pipeline: CompiledPipeline, folder: str) -> CompiledPipeline:
    weakref.finalize(pipeline, shutil.rmtree, folder, ignore_errors=True)
    return pipeline


def _figure(pipeline: str) -> Figure:
    check_pipeline(pipeline)
    figure: Figure = getattr(importlib.import_module(f"pipelines.{pipeline}"), pipeline)
    return figure


def _write(figure: Figure, preset: Preset, path: Path) -> Path:
    compiler.Compiler().compile(figure.for_preset(preset), str(path))
    documents = read_documents(path)
    declared = declared_in(documents[0]["root"])
    for field in parameters_of(figure.group):
        if field.metadata["choices"]:
            declared[field.name][LITERALS] = list(field.metadata["choices"])
    path.write_text(_HEAD + yaml.dump_all(documents, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper)))
    return path


def _preset_of(figure: Figure, preset: str) -> Preset:
    """Return those of a preset's values that a pipeline has: of its parameters, and of its steps' options."""
    known = {field.name for field in parameters_of(figure.group)}
    parameters, options = split_values(read_preset(preset), known)
    return Preset(name=Path(preset).stem, parameters=parameters, options=options)


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
