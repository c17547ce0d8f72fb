"""A preset and the user's settings, checked against the compiled pipeline and the steps' configs.

A run is passed all parameters, and as one of them, ``options``, those options of steps that a person set. The preset's
own are in the file that is compiled for it.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

from components.shared.addresses import SERVED
from components.shared.config import StepConfig, flag_of, info_of, options_of
from components.shared.config.gates import read_gates
from components.shared.config.values import STEP_OPTIONS, names_of_task, nearest, read_step_options, text_of, value_of
from components.shared.errors import InputError
from components.shared.jobs.pod_numbers import read_pod_numbers
from components.shared.model_imports import LISTS
from components.steps import config_of, step_names, task_names
from pipelines import compiled_pipeline
from pipelines.compiled_pipeline import LATER, CompiledPipeline, Outputs, PlannedStep, walk_steps
from pipelines.parameters import LIST, accepted_value
from pipelines.placed_yaml import parse_value
from pipelines.planning.stated import Stated
from pipelines.preset_files import LISTING, option_value, options_in, placed_preset, unknown_parameter
from pipelines.secret_names import ACCEPTED, check_secret_name

ENDPOINTS = {"solver": "solver_endpoint", "judge": "solver_endpoint", "rewriter": "rewriter_endpoint"}
COLUMNS = {"scalequest": ("train_question_generator", "construct_dataset")}  # which take its presets, too
NO_ENDPOINT = "this pipeline takes none; give a model that the run starts itself, such as hf://org/name@revision"
ITEM = ("source", "model", "chat_template")  # what each generator or solver says
NOT_YET_MADE = "not-yet-made"  # stands for the address of a folder that the run makes
# An option in a message; or a whole command that the message recommends, whose options are not the step's.
_FLAG = re.compile(r"python3? -m [^;)]*|(?<![\w-])--[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Run:
    """A pipeline with all that it needs to start."""

    pipeline: CompiledPipeline
    arguments: dict[str, Any]
    preset: str = ""  # as it was asked for; "" where nobody named one
    expected: Mapping[str, Stated] = field(default_factory=dict)  # of steps, as the preset states it
    last_step: str = ""  # behind which nothing starts; "" for all of the pipeline

    @property
    def price_per_gpu_hour(self) -> float:
        """What it is told that a GPU-hour costs, in US dollars; 0: nothing."""
        return float(self.arguments.get("price_per_gpu_hour", 0.0))

    @cached_property
    def steps(self) -> list[PlannedStep]:
        """The steps that it takes, what is first first."""
        steps: list[PlannedStep] = []

        def note(step: PlannedStep) -> Outputs:
            steps.append(step)
            return {}

        self.walk(note)
        return steps

    def walk(self, do: Callable[[PlannedStep], Outputs]) -> None:
        """Give ``do`` every step that it takes, as ``walk_steps`` does; the last one is where it ends."""
        has_ended = False

        def do_before_the_end(step: PlannedStep) -> Outputs:
            nonlocal has_ended
            outputs = {} if has_ended else do(step)
            has_ended = has_ended or step.name == self.last_step
            return outputs

        walk_steps(self.pipeline.spec, self.arguments, do_before_the_end)


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
    stated = placed_preset(preset)
    pipeline = _compiled(pipeline_name or stated.pipeline, preset)
    given = dict(parse_setting(setting, pipeline) for setting in settings)
    options = _options(given, pipeline)
    try:
        values = of_pipeline(stated.values, pipeline, is_own=not pipeline_name) | dict(hardware)
        parameters = {name: value for name, value in (values | given).items() if "." not in name}
        run = checked_run_of(pipeline, parameters | options | {"workspace": workspace})
    except InputError as error:
        raise type(error)(stated.located(str(error), but=given)) from error
    return dataclasses.replace(run, preset=preset, expected=stated.expected)


def _compiled(name: str, preset: str) -> CompiledPipeline:
    """Return the released file for a preset, or one compiled now: a preset may change which tasks there are."""
    released = compiled_pipeline.find(name, preset)
    if released.preset == preset:
        return released
    from pipelines.compiling import compiled_for  # needs kfp, which a released preset is planned without

    return compiled_for(name, preset)


def checked_run_of(pipeline: CompiledPipeline, values: Mapping[str, Any]) -> Run:
    """Return the run of a pipeline with these parameters; InputError names the one that cannot be."""
    arguments = complete_arguments(pipeline, values)
    _check_together(arguments)
    _check_benchmarks(arguments, pipeline.parameters)
    _check_options(arguments[STEP_OPTIONS], pipeline)
    _check_limits(arguments)
    run = Run(pipeline, arguments)
    for step in run.steps:
        if not step.passes_on:
            config_of_step(step)
    return run


def complete_arguments(pipeline: CompiledPipeline, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a run: every name known, every type right, and a number of pods that there can be."""
    declared = pipeline.parameters
    given = {name: _value(name, value, declared) for name, value in values.items()}
    defaults = {name: _default(spec) for name, spec in declared.items() if "defaultValue" in spec}
    arguments = defaults | given
    missing = [name for name in declared if name not in arguments]
    if missing:
        raise InputError(f"the preset has no value for {', '.join(missing)}; add --set name=value")
    read_pod_numbers(arguments["pods"])
    return arguments


def parse_setting(setting: str, pipeline: CompiledPipeline) -> tuple[str, Any]:
    """Return the name and the value that ``--set NAME=VALUE`` gives; InputError for a name that there is not."""
    name, equals, text = setting.partition("=")
    if not equals:
        raise InputError(f"--set {setting!r} has no '='; expected name=value")
    task, dot, option = name.partition(".")
    if dot:
        try:
            return name, option_value(task, option, text)
        except InputError as error:
            is_parameter = option in pipeline.parameters and option != "workspace"
            remedy = f"; give --set {option}=VALUE" if is_parameter else ""
            raise InputError(f"{error}{remedy}") from error
    _check_name(name, pipeline.parameters)
    if name == "workspace":
        raise InputError("--set workspace: give --workspace instead")
    if name == "profile":
        raise InputError("--set profile: only a cluster makes Jobs; give --profile of `scalequest submit` instead")
    if name == STEP_OPTIONS:
        raise InputError(f"--set {STEP_OPTIONS}: give --set STEP.OPTION=VALUE instead, once for each option")
    if pipeline.parameters[name]["parameterType"] == "STRING":
        return name, accepted_value(name, text)
    try:
        value = parse_value(text)
    except InputError as error:
        raise InputError(f"--set {name}: {error}") from error
    return name, accepted_value(name, value)


def of_pipeline(values: Mapping[str, Any], pipeline: CompiledPipeline, *, is_own: bool) -> dict[str, Any]:
    """Return those of a preset's values that a pipeline has; others are of the method's other pipelines."""
    known, steps = set(pipeline.parameters), pipeline.steps
    kept = {
        name: value
        for name, value in values.items()
        if (task_names().get(name.partition(".")[0]) in steps if "." in name else name in known)
    }
    if is_own and (unknown := [name for name in values if name not in kept and not _is_of_another(name, pipeline)]):
        has = f"{pipeline.name} has no such {'step' if '.' in unknown[0] else 'parameter'}"
        raise InputError(f"{unknown[0]}: {has}; {nearest(unknown[0], known, otherwise=LISTING)}")
    return kept


def _is_of_another(name: str, pipeline: CompiledPipeline) -> bool:
    """Tell whether a column of the pipeline has a parameter; or another preset's, an option's step."""
    task, dot, _ = name.partition(".")
    if dot:
        return task_names().get(task) in compiled_pipeline.find(pipeline.name).steps
    return any(name in compiled_pipeline.find(each).parameters for each in COLUMNS.get(pipeline.name, ()))


def _options(given: Mapping[str, Any], pipeline: CompiledPipeline) -> dict[str, str]:
    """Return what a person set for single steps; what the preset sets is in the file."""
    of_person = options_in(given)
    for task in of_person:
        if task_names()[task] not in pipeline.steps:
            raise InputError(f"{task}: {pipeline.name} has no such step; {nearest(task, pipeline.steps)}")
    said = json.dumps(of_person, ensure_ascii=False, separators=(",", ":"))
    return {STEP_OPTIONS: said} if of_person else {}


def _default(declared: Mapping[str, Any]) -> Any:
    """Return a parameter's default; kfp compiles that of a whole number as 1.0, and then refuses it."""
    value = declared["defaultValue"]
    return int(value) if declared["parameterType"] == "NUMBER_INTEGER" else value


def _value(name: str, value: Any, declared: Mapping[str, Mapping[str, Any]]) -> Any:
    """Return the value of a parameter as its type; InputError for another, or for a name that the pipeline lacks."""
    _check_name(name, declared)
    accepted = accepted_value(name, value)
    if accepted == [] and declared[name].get("defaultValue") != []:  # a loop over nothing makes nothing
        raise InputError(f"parameter {name}: [] is not accepted; expected {LIST}")
    if name in ACCEPTED:
        check_secret_name(name, accepted)
    return accepted


def _check_name(name: str, declared: Mapping[str, Any]) -> None:
    if name not in declared:
        raise InputError(unknown_parameter(name, declared))


def _check_together(arguments: Mapping[str, Any]) -> None:
    """Raise InputError where values do not fit together: a served model and its endpoint, a choice and its rewards."""
    for name, endpoint in ENDPOINTS.items():
        model = str(arguments.get(name, ""))
        is_served = model.startswith(SERVED)
        if is_served and not arguments.get(endpoint):
            remedy = f"add --set {endpoint}=https://…/v1" if endpoint in arguments else NO_ENDPOINT
            raise InputError(f"{name}={model} is a model behind an endpoint; {remedy}")
        if model and not is_served and arguments.get(endpoint):
            raise InputError(f"{name}={model}, with {endpoint}: write a served model as {SERVED}NAME")
    _check_selection(str(arguments.get("select_by", "")), str(arguments.get("reward_model", "")))
    for name in LISTS:  # their items are called by their sources
        _check_named(name, arguments.get(name, ()))


def _check_benchmarks(arguments: Mapping[str, Any], declared: Mapping[str, Any]) -> None:
    """Raise InputError where benchmarks are given to a pipeline that was compiled without, or solvers have none."""
    benchmarks = arguments.get("benchmarks")
    if benchmarks and declared["benchmarks"].get("defaultValue") == []:
        raise InputError(
            "benchmarks: the pipeline is compiled for a preset with benchmarks: [], so no task would take their "
            "questions out of the dataset; name them in the preset's file"
        )
    if benchmarks == [] and arguments.get("solvers"):
        raise InputError("benchmarks: [] leaves nothing to score solvers on; name benchmarks, or give solvers: []")


def _check_options(text: str, pipeline: CompiledPipeline) -> None:
    """Raise InputError for an option of a step that there is not, or that a run cannot set."""
    for task, options in read_step_options(text).items():
        if task_names().get(task) not in pipeline.steps:
            raise InputError(
                f"{STEP_OPTIONS}: {task}: {pipeline.name} has no such step; {nearest(task, pipeline.steps)}"
            )
        for option, value in options.items():
            option_value(task, option, value)


def _check_limits(arguments: Mapping[str, Any]) -> None:
    """Raise InputError for a gate that no step can close, and for a negative budget or price."""
    for gate in read_gates(arguments["gates"]):
        if gate.step not in step_names():
            raise InputError(
                f"gates: {gate.text!r}: there is no step {gate.step!r}; {nearest(gate.step, step_names())}"
            )
        if gate.figure not in (watched := config_of(gate.step).WATCHED):
            raise InputError(
                f"gates: {gate.text!r} would never close: {gate.step} has no {gate.figure!r}; "
                f"it has {', '.join(watched) or 'no figure at all: it makes a model'}"
            )
    for name in ("max_gpu_hours", "max_cost", "price_per_gpu_hour"):
        if not 0 <= arguments[name] < math.inf:
            raise InputError(f"parameter {name}: {arguments[name]} is out of range; expected at least 0; 0: none")


def _check_named(name: str, items: Sequence[Any]) -> None:
    for item in items:
        texts = item if isinstance(item, Mapping) else {}
        if lacking := [key for key in ITEM if not isinstance(texts.get(key), str)]:
            raise InputError(f"{name}: {item!r} has to be a mapping with the text {lacking[0]!r}")
        known = (*ITEM, "learning_rate") if name == "solvers" else ITEM
        if others := [str(key) for key in texts if key not in known]:
            raise InputError(f"{name}: {item!r} has {others[0]!r}, which says nothing; {nearest(others[0], known)}")
    sources = [item["source"] for item in items]
    if twice := [source for source in dict.fromkeys(sources) if sources.count(source) > 1]:
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
    stand_ins: dict[str, Any] = {name: NOT_YET_MADE for name in names - texts.keys() if hints[name] is str}
    try:
        return config(**{name: value_of(config, name, text) for name, text in texts.items()}, **stand_ins)
    except (InputError, ValueError, TypeError) as error:
        raise InputError(in_parameters(step, str(error))) from error


def in_parameters(step: PlannedStep, message: str) -> str:
    """Return a step's message with the run's parameters in place of the step's options; one of them comes first."""
    called = names_of_task(config_of(step.name), step.options)[-1]
    names = _parameters_by_flag(step)
    found = [names[flag] for flag in _FLAG.findall(message) if flag in names]
    text = with_parameters(step, message)
    if not found:  # it speaks of a value alone: of what stands somewhere, perhaps at a commit that the hub named
        sources = [field.name for field in options_of(config_of(step.name)) if info_of(field).is_folder]
        named = {step.origins[name]: step.options[name] for name in sources if step.origins.get(name)}
        found = [name for name, value in named.items() if str(value) in message] or [*named][:1]
    if found and text.startswith(found[0]):
        return text
    return f"{found[0] if found else called}: {text}"


def with_parameters(step: PlannedStep, text: str) -> str:
    """Return a text with the run's parameters in place of the step's options."""
    names = _parameters_by_flag(step)
    return _FLAG.sub(lambda flag: names.get(flag[0], flag[0]), text)


def _parameters_by_flag(step: PlannedStep) -> dict[str, str]:
    called = names_of_task(config_of(step.name), step.options)[-1]
    return {flag_of(option): origin or f"{called}.{option}" for option, origin in step.origins.items()}
