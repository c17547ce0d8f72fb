"""A preset and the user's settings, checked against the compiled pipeline and the steps' configs.

A preset is a YAML file: ``pipeline`` names the pipeline, ``step_defaults`` repeats values that the steps have by
themselves (so that a reader finds each value of the paper in one place; checked), every other key is a parameter or, as
``deduplicate.min_similarity``, an option of a step.
"""

from __future__ import annotations

import json
import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from components.shared.addresses import SERVED
from components.shared.config import StepConfig, flag_of, options_of
from components.shared.config.values import STEP_OPTIONS, nearest, settable_option, text_of, value_of
from components.shared.errors import InputError
from components.shared.jobs.pod_numbers import read_pod_numbers
from components.steps import config_of, step_names
from pipelines import compiled_pipeline
from pipelines.compiled_pipeline import LATER, CompiledPipeline, PlannedStep
from pipelines.secret_names import ACCEPTED, check_secret_name

ENDPOINTS = {"solver": "solver_endpoint", "judge": "solver_endpoint", "rewriter": "rewriter_endpoint"}
NAMED = ("generators", "trained_generators", "solvers")  # lists whose items are called by their source
NOT_YET_MADE = "not-yet-made"  # stands for the address of a folder that the run makes
PRESETS = Path(__file__).with_name("presets")
_FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "STRING": (str, "text"),
    "NUMBER_INTEGER": (int, "a whole number"),
    "NUMBER_DOUBLE": ((int, float), "a number"),
    "BOOLEAN": (bool, "true or false"),
    "LIST": (list, "a list of at least one item"),
    "STRUCT": (dict, "a mapping"),
}


class _Loader(yaml.SafeLoader):
    """Reads 1e-5 as a number, as YAML 1.2 does; in YAML 1.1 it is text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


@dataclass(frozen=True)
class Run:
    """A pipeline with all that it needs to start."""

    pipeline: CompiledPipeline
    arguments: dict[str, Any]
    steps: list[PlannedStep]


def prepare_run(
    preset: str,
    settings: Sequence[str],
    workspace: str,
    pipeline_name: str = "",
    hardware: Mapping[str, Any] = MappingProxyType({}),
) -> Run:
    """Read a preset, apply ``name=value`` settings, check every value; InputError before anything is written.

    A name is that of a parameter, or ``step.option``: all of these go into one parameter.
    ``pipeline_name`` runs another pipeline than the preset's, with those of the preset's values that it has.
    ``hardware`` goes before the preset's values, and settings before both.
    """
    values = read_preset(preset)
    own_pipeline = values.pop("pipeline")
    pipeline = compiled_pipeline.find(pipeline_name or own_pipeline)
    check_step_defaults(values.pop("step_defaults", {}))
    if pipeline_name:
        known = {*pipeline.parameters, *pipeline.steps}
        values = {name: value for name, value in values.items() if name.partition(".")[0] in known}
    values |= hardware
    values |= dict(_parse_setting(setting, pipeline) for setting in settings)
    return checked_run_of(pipeline, _gathered(values, pipeline) | {"workspace": workspace})


def checked_run_of(pipeline: CompiledPipeline, values: Mapping[str, Any]) -> Run:
    """Return the run of a pipeline with these parameters; InputError names the one that cannot be."""
    arguments = complete_arguments(pipeline, values)
    _check_together(arguments)
    steps = pipeline.planned_steps(arguments)
    for step in steps:
        config_of_step(step)
    return Run(pipeline, arguments, steps)


def preset_names() -> list[str]:
    """Return the names of all presets."""
    return sorted(path.stem for path in PRESETS.glob("*.yaml"))


def read_preset(name: str) -> dict[str, Any]:
    """Return a preset's values."""
    if name not in preset_names():
        raise InputError(f"unknown preset {name!r}; expected one of {', '.join(preset_names())}")
    return dict(yaml.safe_load((PRESETS / f"{name}.yaml").read_text(encoding="utf-8")))


def complete_arguments(pipeline: CompiledPipeline, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a run: every name known, every type right, and a number of pods that there can be."""
    declared = pipeline.parameters
    for name, value in values.items():
        _check_name(name, declared)
        _check_type(name, value, declared[name])
        if name in ACCEPTED:
            check_secret_name(name, value)
    defaults = {name: _default(spec) for name, spec in declared.items() if "defaultValue" in spec}
    arguments = defaults | dict(values)
    missing = [name for name in declared if name not in arguments]
    if missing:
        raise InputError(f"the preset has no value for {', '.join(missing)}; add --set name=value")
    read_pod_numbers(arguments["pods"])
    return arguments


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


def _parse_setting(setting: str, pipeline: CompiledPipeline) -> tuple[str, Any]:
    name, equals, text = setting.partition("=")
    if not equals:
        raise InputError(f"--set {setting!r} has no '='; expected name=value")
    if "." in name:
        return name, text
    _check_name(name, pipeline.parameters)
    if name == "workspace":
        raise InputError("--set workspace: give --workspace instead")
    if name == "profile":
        raise InputError("--set profile: only a cluster makes Jobs; give --profile of `scalequest submit` instead")
    if name == STEP_OPTIONS:
        raise InputError(f"--set {STEP_OPTIONS}: give --set STEP.OPTION=VALUE instead, once for each option")
    if pipeline.parameters[name]["parameterType"] == "STRING":
        return name, text
    try:
        return name, yaml.load(text, _Loader)  # noqa: S506 - it is a SafeLoader
    except yaml.YAMLError as error:
        raise InputError(f"--set {name}: {text!r} is not a valid value: {error}") from error


def _gathered(values: Mapping[str, Any], pipeline: CompiledPipeline) -> dict[str, Any]:
    """Return the parameters: what is set for single steps as one of them, each value checked."""
    steps: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        step, dot, option = name.partition(".")
        if dot:
            steps.setdefault(step, {})[option] = _step_option(step, option, value, pipeline)
    parameters = {name: value for name, value in values.items() if "." not in name}
    return parameters | ({STEP_OPTIONS: json.dumps(steps, ensure_ascii=False, separators=(",", ":"))} if steps else {})


def _step_option(step: str, option: str, value: Any, pipeline: CompiledPipeline) -> Any:
    name = f"{step}.{option}"
    if step not in pipeline.steps:
        what = f"{pipeline.path.stem} has no such step" if step in step_names() else f"unknown step {step!r}"
        raise InputError(f"{name}: {what}; {nearest(step, pipeline.steps)}")
    try:
        settable_option(config_of(step), option)
        return value_of(config_of(step), option, text_of(value)) if value != "" else ""
    except InputError as error:
        same = f"; give --set {option}=VALUE" if option in pipeline.parameters and option != "workspace" else ""
        raise InputError(f"{name}: {error}{same}") from error


def _default(declared: Mapping[str, Any]) -> Any:
    """Return a parameter's default; kfp compiles that of a whole number as 1.0, and then refuses it."""
    value = declared["defaultValue"]
    return int(value) if declared["parameterType"] == "NUMBER_INTEGER" else value


def _check_name(name: str, declared: Mapping[str, Any]) -> None:
    if name not in declared:
        raise InputError(f"unknown parameter {name!r}; expected one of {', '.join(sorted(declared))}")


def _check_type(name: str, value: Any, declared: Mapping[str, Any]) -> None:
    kind, accepted = _KINDS[declared["parameterType"]]
    empty = value == [] and declared.get("defaultValue") != []  # a loop over nothing makes nothing
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool) or empty:
        raise InputError(f"parameter {name}: {value!r} is not accepted; expected {accepted}")


def _check_together(arguments: Mapping[str, Any]) -> None:
    """Raise InputError where values do not fit together: a served model and its endpoint, a choice and its rewards."""
    for name, endpoint in ENDPOINTS.items():
        model = str(arguments.get(name, ""))
        is_served = model.startswith(SERVED)
        if is_served and not arguments.get(endpoint):
            remedy = f"add --set {endpoint}=https://…/v1" if endpoint in arguments else "this pipeline takes none"
            raise InputError(f"{name}={model} is a model behind an endpoint; {remedy}")
        if model and not is_served and arguments.get(endpoint):
            raise InputError(f"{name}={model}, with {endpoint}: write a served model as {SERVED}NAME")
    _check_selection(str(arguments.get("select_by", "")), str(arguments.get("reward_model", "")))
    for name in NAMED:
        _check_named_once(name, arguments.get(name, ()))


def _check_named_once(name: str, items: Sequence[Any]) -> None:
    sources = [item["source"] for item in items if isinstance(item, Mapping) and "source" in item]
    if twice := [source for source in dict.fromkeys(map(str, sources)) if sources.count(source) > 1]:
        raise InputError(f"{name}: the source {', '.join(twice)} is there more than once; give each a name of its own")


def _check_selection(select_by: str, reward_model: str) -> None:
    """Raise InputError where rewards are asked for and nothing gives them, or the other way round."""
    if select_by in ("reward", "both") and not reward_model:
        raise InputError(f"select_by={select_by} needs rewards; add --set reward_model=MODEL, or choose by agreement")
    if select_by == "agreement" and reward_model:
        raise InputError(
            f"reward_model={reward_model} is not used by select_by=agreement; add --set select_by=both (agreement, "
            "then reward), or --set select_by=reward"
        )


def config_of_step(step: PlannedStep) -> StepConfig:
    """Build the step's config as the step itself will; with a stand-in for the address of each folder that is to come.

    InputError in terms of the run's parameters.
    """
    config = config_of(step.name)
    fields = [field for field in options_of(config) if step.options.get(field.name, "") != ""]
    names = {field.name for field in fields}
    missing = [field.name for field in options_of(config) if field.default is MISSING and field.name not in names]
    if missing:
        by = ", ".join(step.origins.get(name) or f"{step.name}.{name}" for name in missing)
        raise InputError(f"{by} is empty; {step.name} needs a value for {', '.join(missing)}")
    texts = {name: text_of(step.options[name]) for name in names if step.options[name] is not LATER}
    hints = typing.get_type_hints(config)
    stand_ins = {name: NOT_YET_MADE for name in names - texts.keys() if hints[name] is str}
    try:
        return config(**{name: value_of(config, name, text) for name, text in texts.items()}, **stand_ins)
    except (InputError, ValueError, TypeError) as error:
        raise InputError(in_parameters(step, str(error))) from error


def in_parameters(step: PlannedStep, message: str) -> str:
    """Return a step's message with the run's parameters in place of the step's options; one of them comes first."""
    names = {flag_of(option): origin or f"{step.name}.{option}" for option, origin in step.origins.items()}
    found = [names[flag] for flag in _FLAG.findall(message) if flag in names]
    text = _FLAG.sub(lambda flag: names.get(flag[0], flag[0]), message)
    if not found:  # it speaks of a value alone
        given = {option: origin for option, origin in step.origins.items() if origin}
        values = {origin: text_of(step.options[name]) for name, origin in given.items() if step.options[name] != LATER}
        found = [name for name, value in values.items() if value and value in message]
        found.sort(key=lambda name: len(values[name]), reverse=True)  # "a" is in many a word
    if found and text.startswith(found[0]):
        return text
    return f"{found[0] if found else step.name}: {text}"
