"""An option's value as text and back; and the values that a person sets for single steps of a run.

Those are one text, ``{"deduplicate": {"min_similarity": 0.9}}``, which every task of the run is passed as STEP_OPTIONS
beside its own inputs. A step takes its own entry, and that goes before what the pipeline passes. Where a pipeline has
a step for several ends, each has a name (CALLED_BY of its config: ``qft``, ``sft``), whose entry goes before that.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from components.shared.config import StepConfig, flag_of, info_of, options_of, step_name
from components.shared.errors import InputError

STEP_OPTIONS = "options"


def text_of(value: Any) -> str:
    """Return a parameter's value as a command line would have it; JSON knows one kind of number."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False)


def default_text(field: dataclasses.Field[Any]) -> str:
    """Return an option's default as it is written on a command line; "" where it has to be given."""
    if field.default is dataclasses.MISSING:
        return ""
    return str(field.default).lower() if isinstance(field.default, bool) else str(field.default)


def value_of(config: type[StepConfig], name: str, text: str) -> Any:
    """Return an option's value from its text on a command line; InputError if it is of another type."""
    kind = typing.get_type_hints(config)[name]
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        if kind is int:
            return _whole(text)
        return kind(text)
    except (ValueError, KeyError) as error:
        accepted = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        raise InputError(f"{flag_of(name)} {text!r} is not accepted; expected {accepted}") from error


def names_of_task(config: type[StepConfig], given: Mapping[str, Any]) -> list[str]:
    """Return what a task with these options is called in STEP_OPTIONS: as its step, and by what it is for."""
    option, names = config.CALLED_BY
    if not option:
        return [step_name(config)]
    default = next(field.default for field in options_of(config) if field.name == option)
    return [step_name(config), names[str(given.get(option) or default)]]


def set_for_task(step_options: str, config: type[StepConfig], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what STEP_OPTIONS sets for a task with these options.

    InputError for an option that its step lacks or a run cannot set.
    """
    by_name = read_step_options(step_options)
    values: dict[str, Any] = {}
    for name in names_of_task(config, given):
        values |= by_name.get(name, {})
    for name in values:
        settable_option(config, name)
    return values


def read_step_options(text: str) -> dict[str, dict[str, Any]]:
    """Read STEP_OPTIONS: the values of options by step; {} where nobody set any."""
    try:
        content = json.loads(text or "{}")
        return {step: dict(values.items()) for step, values in content.items()}
    except (ValueError, AttributeError) as error:
        raise InputError(
            f'the parameter {STEP_OPTIONS} is {text[:200]!r}; expected {{"STEP": {{"OPTION": VALUE}}}}, as --set '
            "STEP.OPTION=VALUE makes it"
        ) from error


def settable_names(config: type[StepConfig]) -> list[str]:
    """Return a step's options that a run can set by their names."""
    return [field.name for field in options_of(config) if info_of(field).is_settable]


def settable_option(config: type[StepConfig], name: str) -> dataclasses.Field[Any]:
    """Return a step's option that a run can set by its name; InputError if it has none such."""
    step = step_name(config)
    fields = {field.name: field for field in options_of(config)}
    settable = settable_names(config)
    if name not in fields:
        raise InputError(f"{step} has no option {name!r}; {nearest(name, settable)}")
    if name not in settable:
        raise InputError(f"the pipeline gives each task of {step} its own {name}; a run cannot set it")
    return fields[name]


def nearest(name: str, names: Iterable[str], *, otherwise: str = "") -> str:
    """Return which name was meant, as far as that can be guessed; else ``otherwise``, or all that there are."""
    there = sorted(names)
    close = closest(name, there)
    return f"did you mean {close!r}?" if close else otherwise or f"expected one of {', '.join(there)}"


def closest(name: str, names: Iterable[str]) -> str:
    """Return the name that is most like another one; "" where none is."""
    return next(iter(difflib.get_close_matches(name, sorted(names), n=1)), "")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        value = float(text)  # Kubeflow has one kind of number: a whole one may arrive as "3.0" or "1e+06"
        if not value.is_integer():
            raise
        return int(value)
