"""`scalequest parameters`: what a run can be given, with each value's default, meaning and source."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import MISSING, dataclass
from typing import Any

from rich.console import Console

from components.shared.config import info_of, options_of
from components.shared.config.values import STEP_OPTIONS
from components.shared.errors import ExitCode
from components.steps import config_of, task_names
from pipelines import compiled_pipeline
from pipelines.arguments import of_pipeline, parse_setting
from pipelines.compiled_pipeline import RELEASED, CompiledPipeline
from pipelines.json_output import print_json
from pipelines.parameters import all_parameters, default_of
from pipelines.preset_files import PlacedPreset, placed_preset
from pipelines.reporting import exit_code_of, print_aligned

MAX_VALUE = 40  # characters of a value in the table; --json has all
NOT_SET = "not set: give --set"
_ELSEWHERE = {"workspace": "--workspace", STEP_OPTIONS: "--set STEP.OPTION=VALUE", "profile": "--profile of submit"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What to list: of a preset with settings, or of all pipelines where ``preset`` is empty."""

    preset: str = ""
    settings: Sequence[str] = ()
    pipeline: str = ""
    with_options: bool = False  # also those options of steps that nobody set


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A parameter of a run, or an option of one of its steps."""

    name: str
    value: Any  # None where nothing sets it
    default: Any  # by itself, without a preset; None for none
    source: str  # where the value stands
    choices: Sequence[str]
    help: str


def list_parameters(asked: Asked, *, as_json: bool) -> int:
    """Print the parameters; return the exit code."""
    return exit_code_of("parameters", lambda: _list(asked, as_json))


def _list(asked: Asked, as_json: bool) -> int:
    if not asked.preset:
        return _list_all(as_json)
    preset = placed_preset(asked.preset)
    pipeline = compiled_pipeline.find(asked.pipeline or preset.pipeline)
    given = dict(parse_setting(setting, pipeline) for setting in asked.settings)
    values = of_pipeline(preset.values, pipeline, is_own=not asked.pipeline)
    preset = dataclasses.replace(preset, values=values)
    parameters = [_parameter(name, preset, given) for name in sorted(pipeline.parameters)]
    options = list(_options(preset, given, pipeline, with_all=asked.with_options))
    if as_json:
        names = {"preset": asked.preset, "pipeline": pipeline.name}
        print_json(names | {"parameters": parameters, "options": options})
        return ExitCode.DONE
    console = Console(file=sys.stdout)
    _print(console, parameters)
    console.print()
    _print(console, options)
    console.print(
        "\n--set NAME=VALUE sets a parameter, --set STEP.OPTION=VALUE an option"
        + ("" if asked.with_options else "; --options also lists those that are at their default"),
        highlight=False,
        soft_wrap=True,
    )
    return ExitCode.DONE


def _list_all(as_json: bool) -> int:
    """Print the parameters of all pipelines, and which has which."""
    has = {name: set(compiled_pipeline.find(name).parameters) for name in RELEASED}
    entries: list[dict[str, Any]] = [
        {
            "name": name,
            "default": None if default_of(each) is MISSING else default_of(each),
            "pipelines": [pipeline for pipeline, names in has.items() if name in names],
            "choices": each.metadata["choices"],
            "help": each.metadata["help"],
        }
        for name, each in sorted(all_parameters().items())
    ]
    if as_json:
        print_json({"parameters": entries})
        return ExitCode.DONE
    rows = [
        (
            each["name"],
            _text(each["default"]),
            "all" if len(each["pipelines"]) == len(has) else " ".join(each["pipelines"]),
            each["help"],
        )
        for each in entries
    ]
    print_aligned(Console(file=sys.stdout), [("parameter", "default", "pipelines", "what it is"), *rows])
    return ExitCode.DONE


def _parameter(name: str, preset: PlacedPreset, given: dict[str, Any]) -> Entry:
    field = all_parameters()[name]
    default = None if default_of(field) is MISSING else default_of(field)
    value, source = _found(name, preset, given, default)
    if name in _ELSEWHERE and source in (NOT_SET, "default"):
        source = _ELSEWHERE[name]
    return Entry(
        name=name,
        value=value,
        default=default,
        source=source,
        choices=field.metadata["choices"],
        help=field.metadata["help"],
    )


def _found(name: str, preset: PlacedPreset, given: dict[str, Any], default: Any) -> tuple[Any, str]:
    if name in given:
        return given[name], "--set"
    if name in preset.values:
        return preset.values[name], preset.places[name]
    return (None, NOT_SET) if default is None else (default, "default")


def _options(
    preset: PlacedPreset, given: dict[str, Any], pipeline: CompiledPipeline, *, with_all: bool
) -> Iterator[Entry]:
    names = {name for name in {**preset.values, **given} if "." in name}
    if with_all:
        settable = ((step, field) for step in pipeline.steps for field in options_of(config_of(step)))
        names |= {f"{step}.{field.name}" for step, field in settable if info_of(field).is_settable}
    for name in sorted(names):
        task, _, option = name.partition(".")
        field = next(each for each in options_of(config_of(task_names()[task])) if each.name == option)
        default = None if field.default is MISSING else field.default
        value, source = _found(name, preset, given, default)
        info = info_of(field)
        yield Entry(name=name, value=value, default=default, source=source, choices=info.choices, help=info.help)


def _print(console: Console, entries: Sequence[Entry]) -> None:
    rows = [(each.name, _text(each.value), _text(each.default), each.source, _help(each)) for each in entries]
    print_aligned(console, [("name", "value", "default", "from", "what it is"), *rows])


def _help(entry: Entry) -> str:
    return f"{entry.help} ({', '.join(entry.choices)})" if entry.choices else entry.help


def _text(value: Any) -> str:
    """Return a value as --set takes it, cut where it is long; nothing for none."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"{text[:MAX_VALUE]}…" if len(text) > MAX_VALUE else text
