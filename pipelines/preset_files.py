"""Presets, read: YAML files with the values of a run.

``pipeline`` names the pipeline, ``extends`` another preset, or the path of one, whose values hold where this one has
none. ``step_defaults`` repeats values that the steps have by themselves (so that a reader finds each value of the
paper in one place; checked). ``expected`` says what plans count with (planning/stated.py). Every other key is a
parameter or, as ``deduplicate.min_similarity`` or ``qft.epochs``, an option of a step, or of what a step is there for.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.shared.config import options_of
from components.shared.config.values import (
    STEP_OPTIONS,
    nearest,
    settable_names,
    settable_option,
    text_of,
    value_of,
)
from components.shared.errors import InputError
from components.steps import config_of, step_names, task_names
from pipelines.compiled_pipeline import RELEASED, check_pipeline
from pipelines.parameters import LIST, accepted_value, all_parameters
from pipelines.placed_yaml import PlacedValues, read_placed
from pipelines.planning.stated import Stated, read_stated

PRESETS = Path(__file__).with_name("presets")
SUFFIX = ".yaml"
SUFFIXES = (SUFFIX, ".yml")
LISTING = "`scalequest parameters PRESET` lists all"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")  # it becomes a part of Kubernetes' names

_RELEASED = "preset "  # how places in the released presets begin
EXPECTED = "expected"
_BESIDES = ("pipeline", "extends", "step_defaults", EXPECTED)  # what a preset has besides values

Options = dict[str, dict[str, Any]]  # of steps, by the name of the step or of what it is there for


@dataclass(frozen=True, kw_only=True)
class PlacedPreset:
    """A preset's values, those of the presets that it extends included, and the file and line of each."""

    pipeline: str
    values: Mapping[str, Any]
    places: Mapping[str, str]
    expected: Mapping[str, Stated]  # of steps, until finished work says more

    def located(self, message: str, *, but: Collection[str] = ()) -> str:
        """Return a message that begins with the name of a value behind its place, where that is a file of one's own.

        ``but``: names whose values are set in another place.
        """
        match = re.match(r"(?:parameter )?([a-z_]+(?:\.[a-z_]+)?)", message)
        names = [match[1], match[1].partition(".")[0]] if match else []
        place = next((self.places[name] for name in names if name in self.places and name not in but), "")
        return message if not place or place.startswith(_RELEASED) else f"{place}: {message}"


def preset_names() -> list[str]:
    """Return the names of all presets."""
    return sorted(path.stem for path in PRESETS.glob(f"*{SUFFIX}"))


def default_workspace(name: str) -> str:
    """Return where a preset's run on this machine is, unless a workspace is given."""
    return f"runs/{Path(name).stem}"


def read_preset(name: str) -> dict[str, Any]:
    """Return the values of a preset, or of a file of one's own, with its pipeline; InputError where that is none."""
    preset = placed_preset(name)
    return {"pipeline": preset.pipeline, **preset.values}


def placed_preset(name: str) -> PlacedPreset:
    """Return a preset with the place of each value; InputError with file, line and what is expected there."""
    path = _path_of(name)
    if not _NAME.fullmatch(path.stem):
        raise InputError(f"{name}: a preset's name is of a-z, 0-9 and -, at most 40; rename the file")
    content = _with_bases(path, ())
    pipeline = content.values.pop("pipeline", None)
    if pipeline is None:
        raise InputError(
            f"{name} is no preset: it has no value for 'pipeline'; add `extends: PRESET` (one of "
            f"{', '.join(preset_names())}), or `pipeline: NAME` (one of {', '.join(RELEASED)})"
        )
    expected = read_stated(content.values.pop(EXPECTED, {}))
    return PlacedPreset(pipeline=pipeline, values=content.values, places=content.places, expected=expected)


def _path_of(name: str, beside: Path = Path()) -> Path:
    """Return the file of a preset; ``beside`` is the folder of the file that names it."""
    if (own := PRESETS / f"{name}{SUFFIX}").is_file() and name in preset_names():
        return own
    path = beside / name
    if not name.endswith(SUFFIXES) and "/" not in name:
        others = f"expected one of {', '.join(preset_names())}, or the path of a {SUFFIX} file"
        raise InputError(f"unknown preset {name!r}; {nearest(name, preset_names(), otherwise=others)}")
    if path.is_dir() or not name.endswith(SUFFIXES):
        raise InputError(f"{name} is no preset: expected a file whose name ends in {SUFFIX}")
    if not path.is_file() and os.path.lexists(path):
        raise InputError(f"{name} is no preset: it leads to no file (a broken link, a pipe or a device)")
    if not path.is_file():
        there = [each.name for suffix in SUFFIXES for each in path.parent.glob(f"*{suffix}")]
        others = f"expected a file of this machine, or one of {', '.join(preset_names())}"
        raise InputError(
            f"unknown preset {name!r}: there is no such file; {nearest(path.name, there, otherwise=others)}"
        )
    return path


def _with_bases(path: Path, inner: tuple[Path, ...]) -> PlacedValues:
    """Return a file's values over those of the preset that it extends; ``inner``: the files that extend it."""
    called = f"{_RELEASED}{path.stem}" if path.parent == PRESETS else str(path)
    content = read_placed(path, called=called)
    place = content.places.get("extends", "")
    base = content.values.pop("extends", None)
    _check(content)
    content.values.pop("step_defaults", None)
    if not place:
        return content
    if not isinstance(base, str) or not base:
        said = "has no value" if base is None else f"is {base!r}"
        raise InputError(f"{place}: extends {said}; expected the name of a preset, or the path of a {SUFFIX} file")
    try:
        base_path = _path_of(base, path.parent)
    except InputError as error:
        raise InputError(f"{place}: extends: {error}") from error
    chain = (*inner, path.resolve())
    if base_path.resolve() in chain:
        names = " extends ".join(each.name for each in (*chain[chain.index(base_path.resolve()) :], base_path))
        raise InputError(f"{place}: {names}, in a circle; let one of them extend another preset, or none")
    below = _with_bases(base_path, chain)
    return PlacedValues(values=below.values | content.values, places=below.places | content.places)


def _check(content: PlacedValues) -> None:
    """Check names and types of a file's values, and give each the type of its parameter; InputError with its line."""
    for name, value in content.values.items():
        try:
            content.values[name] = _checked(name, value)
        except InputError as error:
            raise InputError(f"{content.places[name]}: {error}") from error


def _checked(name: str, value: Any) -> Any:
    if name == "pipeline":
        check_pipeline(str(value))
    elif name == "step_defaults":
        check_step_defaults(value)
    elif name == EXPECTED:
        read_stated(value)
    elif "." in name:
        task, _, option = name.partition(".")
        option_value(task, option, value)
    elif name in task_names():
        raise InputError(f"{name} is a step; write a line {name}.OPTION: VALUE for each option instead")
    elif name == "gates" and not isinstance(value, str):
        raise InputError(f"gates: {value!r} is not accepted; expected one text: STEP FIGURE <= BOUND stop; …")
    elif name == "workspace":
        raise InputError("workspace: a preset has none; give --workspace")
    elif name == STEP_OPTIONS:
        raise InputError(f"{STEP_OPTIONS}: write a line STEP.OPTION: VALUE for each option instead")
    elif name in all_parameters():
        if value == [] and not all_parameters()[name].metadata["may_be_empty"]:
            raise InputError(f"parameter {name}: [] is not accepted; expected {LIST}")
        return accepted_value(name, value)
    else:
        known = {*all_parameters(), *_BESIDES} - {"workspace", STEP_OPTIONS}
        raise InputError(unknown_parameter(name, known))
    return value


def unknown_parameter(name: str, known: Iterable[str]) -> str:
    """Return what to say of a name that no parameter has: it may be a step's, or that of an option of steps."""
    options = {task: settable_names(config_of(step)) for task, step in task_names().items()}
    if own := options.get(name):
        remedy = f"it is a step; set {name}.OPTION, with OPTION one of {', '.join(own)}"
    elif having := [task for task, names in options.items() if name in names]:
        remedy = f"it is an option of steps; set STEP.{name}, with STEP one of {', '.join(having)}"
    else:
        remedy = nearest(name, known, otherwise=LISTING)
    return f"unknown parameter {name!r}; {remedy}"


def split_values(values: Mapping[str, Any], parameters: Collection[str]) -> tuple[dict[str, Any], Options]:
    """Return those of a preset's values that are parameters, and the options of steps, of the right types."""
    given = {name: value for name, value in values.items() if name in parameters}
    return given, options_in(values)


def options_in(values: Mapping[str, Any]) -> Options:
    """Return the options of steps among ``name: value``, by task; InputError for one that there is not."""
    options: Options = {}
    for name, value in values.items():
        task, dot, option = name.partition(".")
        if dot:
            options.setdefault(task, {})[option] = option_value(task, option, value)
    return options


def option_value(task: str, option: str, value: Any) -> Any:
    """Return the value that is set for an option of a step, of its type; "" leaves it to the step."""
    name = f"{task}.{option}"
    if task not in task_names():
        raise InputError(f"{name}: unknown step {task!r}; {nearest(task, task_names())}")
    config = config_of(task_names()[task])
    try:
        settable_option(config, option)
        accepted = value_of(config, option, text_of(value)) if value != "" else ""
        if isinstance(accepted, float) and not math.isfinite(accepted):
            raise InputError(f"{accepted} is not accepted; expected a finite number")
        return accepted
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def check_step_defaults(stated: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InputError where a preset states another default than the step has."""
    if not isinstance(stated, dict) or not all(isinstance(values, dict) for values in stated.values()):
        raise InputError("step_defaults: expected a mapping of each step to its options: STEP: {OPTION: VALUE}")
    for step, values in stated.items():
        if step not in step_names():
            raise InputError(f"step_defaults: unknown step {step!r}; {nearest(step, step_names())}")
        defaults = {field.name: field.default for field in options_of(config_of(step))}
        for name, value in values.items():
            if defaults.get(name) != value:
                raise InputError(
                    f"step_defaults: {step} {name} is {defaults.get(name)!r}, the preset says {value!r}; "
                    f"to change it, write {step}.{name}: VALUE outside step_defaults"
                )
