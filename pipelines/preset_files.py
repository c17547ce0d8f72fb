"""Presets, read: YAML files with the values of a run.

``pipeline`` names the pipeline, ``step_defaults`` repeats values that the steps have by themselves (so that a reader
finds each value of the paper in one place; checked), every other key is a parameter or, as
``deduplicate.min_similarity`` or ``qft.epochs``, an option of a step, or of what a step is there for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml

from components.shared.config import options_of
from components.shared.config.values import nearest, settable_option, text_of, value_of
from components.shared.errors import InputError
from components.steps import config_of, task_names

PRESETS = Path(__file__).with_name("presets")
SUFFIX = ".yaml"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")  # it becomes a part of Kubernetes' names

Options = dict[str, dict[str, Any]]  # of steps, by the name of the step or of what it is there for


def preset_names() -> list[str]:
    """Return the names of all presets."""
    return sorted(path.stem for path in PRESETS.glob(f"*{SUFFIX}"))


def read_preset(name: str) -> dict[str, Any]:
    """Return the values of a preset, or of a file of one's own; InputError where that is none."""
    path = Path(name) if name.endswith(SUFFIX) else PRESETS / f"{name}{SUFFIX}"
    if not path.is_file() or not name:
        raise InputError(
            f"unknown preset {name!r}; expected one of {', '.join(preset_names())}, or the path of a {SUFFIX} file"
        )
    if not _NAME.fullmatch(path.stem):
        raise InputError(f"{name}: a preset's name is of a-z, 0-9 and -, at most 40; rename the file")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{name} is not YAML: {error}") from error
    if not isinstance(values, dict) or "pipeline" not in values:
        raise InputError(f"{name} is no preset: it has no value for 'pipeline'; see pipelines/presets")
    check_step_defaults(values.pop("step_defaults", {}))
    return dict(values)


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
        return value_of(config, option, text_of(value)) if value != "" else ""
    except InputError as error:
        raise InputError(f"{name}: {error}") from error


def check_step_defaults(stated: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InputError where a preset states another default than the step has."""
    for step, values in stated.items():
        defaults = {field.name: field.default for field in options_of(config_of(step))}
        for name, value in values.items():
            if defaults.get(name) != value:
                raise InputError(
                    f"step_defaults: {step} {name} is {defaults.get(name)!r}, the preset says {value!r}; "
                    f"to change it, write {step}.{name}: VALUE outside step_defaults"
                )
