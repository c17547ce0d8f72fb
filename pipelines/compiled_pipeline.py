"""A compiled pipeline, read: its parameters, and the steps that a run with given arguments will take.

Needs no kfp: `scalequest run` looks at a preset's values before it loads anything heavy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from components.shared.config.values import STEP_OPTIONS, names_of_task, nearest, set_for_task
from components.shared.errors import InputError
from components.shared.model_imports import COMMAND, imports_of, named_in
from components.shared.passing_on import MODEL_OPTIONS, MODELS, SERVED_ENGINE, passed_on
from components.steps import config_of, step_names

COMPILED = Path(__file__).with_name("compiled")
# The presets that each pipeline is released for: to try it, and to use it.
RELEASED = {
    "scalequest": ("smoke", "paper"),
    "train_question_generator": ("smoke", "paper"),
    "construct_dataset": ("smoke", "paper"),
    "train_solver": ("solver-smoke", "solver-paper"),
    "answer_questions": ("answer-smoke", "answer"),
}
CHECK = "pipelines.run_checks"  # the module that a run's first task runs; its folder is none of the workspace's
CHECK_NAME = "check_run"
TASKS = {CHECK: CHECK_NAME, "components.import_model.several": COMMAND}  # that are no steps, by their modules
LATER = object()  # a value that only the run brings forth: the address of a folder
_SELECTOR = re.compile(r'parseJson\(string_value\)\["([^"]+)"\]')
_IS_EMPTY = re.compile(r"^(!\()?inputs\.parameter_values\['([^']+)'\] == ''\)?$")

Spec = Mapping[str, Any]
Outputs = Mapping[str, Any]  # of a task, by name


@dataclass(frozen=True)
class PlannedStep:
    """One step that a run will take: its name and the options that are known beforehand."""

    name: str
    options: dict[str, Any]
    place: tuple[str, ...] = ()  # the tasks around it and its own, outermost first; in a loop the number of the round
    item: str = ""  # the source that the innermost loop over sources is at
    # The parameter of the run that an option's value comes from, "generators[0].model"; "" for none.
    origins: Mapping[str, str] = field(default_factory=dict)
    passes_on: bool = False  # has nothing to do: a reward model is given, or there is no judge
    title: str = ""  # that Kubeflow's graph shows


@dataclass(frozen=True)
class CompiledPipeline:
    """A pipeline as Kubeflow gets it."""

    path: Path
    name: str = ""
    preset: str = ""  # that it is compiled for

    @cached_property
    def documents(self) -> list[dict[str, Any]]:
        """The file, read once: the pipeline itself, and what it asks of Kubernetes."""
        return read_documents(self.path)

    @property
    def spec(self) -> Spec:
        """The pipeline itself."""
        return self.documents[0]

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """The declarations of the parameters by name: ``parameterType``, ``defaultValue``."""
        return declared_in(self.spec["root"])

    @property
    def steps(self) -> set[str]:
        """The steps that its tasks run."""
        executors = self.spec["deploymentSpec"]["executors"].values()
        named = {step_of_command(executor["container"]["command"]) for executor in executors}
        return named & {*step_names()} | ({"import_model"} if COMMAND in named else set())

    def planned_steps(self, arguments: Mapping[str, Any]) -> list[PlannedStep]:
        """Return every step that a run with these arguments takes, as they depend on each other."""
        return planned_steps(self.spec, arguments)


def planned_steps(spec: Spec, arguments: Mapping[str, Any]) -> list[PlannedStep]:
    """Return every step that a run of a pipeline takes with these arguments, what is first first."""
    steps: list[PlannedStep] = []

    def note(step: PlannedStep) -> Outputs:
        steps.append(step)
        return {}

    walk_steps(spec, arguments, note)
    return steps


def walk_steps(spec: Spec, arguments: Mapping[str, Any], do: Callable[[PlannedStep], Outputs]) -> None:
    """Give ``do`` every step that a run takes with these arguments, each after those that it waits for.

    ``do`` returns the step's outputs by name as far as they are known; the options of later steps hold them.
    """
    names = {name: name for name in declared_in(spec["root"])}
    _Walk(spec, do).graph(spec["root"], arguments, names, _Surroundings())


@dataclass(frozen=True)
class _Surroundings:
    place: tuple[str, ...] = ()
    item: str = ""
    title: str = ""  # of the task

    def within(self, task: str, item: Any, *number: int) -> _Surroundings:
        source = item.get("source", "") if isinstance(item, Mapping) else ""
        return _Surroundings((*self.place, task, *map(str, number)), str(source) or self.item)


@dataclass(frozen=True)
class _Walk:
    spec: Spec
    do: Callable[[PlannedStep], Outputs]

    def graph(self, graph: Spec, given: Spec, origins: Mapping[str, str], around: _Surroundings) -> Outputs:
        """Go through a graph; return its outputs. ``origins``: from which parameter of the run each input comes."""
        values, done = _defaults(graph) | dict(given), dict[str, Outputs | list[Outputs]]()
        for name, task in in_order(graph["dag"]["tasks"]):
            component = self.spec["components"][task["componentRef"]["name"]]
            kinds = declared_in(component)
            inputs = {
                each: _resolve(value, values, done, kinds.get(each, {}).get("parameterType", ""))
                for each, value in _inputs(task).items()
            }
            names = {each: _origin(value, origins) for each, value in _inputs(task).items()}
            rounds = [
                self._task(component, iteration, of_iteration, replace(place, title=_title(task)))
                for place, iteration, of_iteration in _iterations(name, task, inputs, names, around)
                if _runs(task, iteration)
            ]
            if "parameterIterator" in task:
                done[name] = rounds
            elif rounds:
                (done[name],) = rounds
        return _outputs_of(graph, done)

    def _task(self, component: Spec, inputs: Spec, origins: Mapping[str, str], around: _Surroundings) -> Outputs:
        if "dag" in component:
            return self.graph(component, inputs, origins, around)
        step = _step_name(self.spec, component)
        if step == CHECK_NAME:
            return {}
        options = _defaults(component) | dict(inputs)
        if step == COMMAND:
            return {MODELS: self._imports(options, around)}
        return self._step(step, options, origins, around)

    def _step(self, step: str, options: dict[str, Any], origins: Mapping[str, str], around: _Surroundings) -> Outputs:
        of_steps, models = options.pop(STEP_OPTIONS, ""), options.pop(MODELS, {})
        result = passed_on(options)
        is_ours = step in step_names()  # not one of a test, or of another version
        own = set_for_task(of_steps, config_of(step), options) if is_ours else {}
        called = names_of_task(config_of(step), options)[-1] if is_ours else step
        names = {name: origins.get(name, "") for name in options} | {name: f"{called}.{name}" for name in own}
        folders = models if isinstance(models, Mapping) else {}
        imported = {name: _found(folders, options[name]) for name in MODEL_OPTIONS if name in options}
        served = {"engine": SERVED_ENGINE} if options.get("endpoint") else {}
        planned = PlannedStep(
            step,
            options | served | own | imported,
            around.place,
            around.item,
            names,
            passes_on=bool(result),
            title=around.title,
        )
        done = self.do(planned)
        return {"folder": _found(folders, result)} if result else done

    def _imports(self, options: Spec, around: _Surroundings) -> dict[str, Any]:
        """Do each import of the task that does all; return the folders that are known of the models."""
        folders = {}
        for each in imports_of(named_in(options)):
            given = {"source": each.source, "kind": each.kind, "chat_template": each.chat_template}
            names = {"source": each.named_by, "chat_template": each.template_by}
            step = PlannedStep("import_model", given | {"workspace": options["workspace"]}, around.place, "", names)
            folders[each.source] = self.do(step).get("folder", LATER)
        return folders


def _found(folders: Spec, model: Any) -> Any:
    """Return the folder of a model that the run imports; of another its address, as it is."""
    return folders.get(model, model) if isinstance(model, str) else model


def checks_of(spec: Spec) -> list[tuple[str, ...]]:
    """Return the places of the tasks that check a run: no step, and never left out."""
    tasks = spec["root"]["dag"]["tasks"].items()
    components = {name: spec["components"][task["componentRef"]["name"]] for name, task in tasks}
    return [(name,) for name, each in components.items() if "dag" not in each and _step_name(spec, each) == CHECK_NAME]


def in_order(tasks: Spec) -> Iterator[tuple[str, Spec]]:
    """Yield the tasks of a graph, each behind those that it waits for, else by name."""
    sorter = TopologicalSorter({name: task.get("dependentTasks", []) for name, task in sorted(tasks.items())})
    for name in sorter.static_order():
        yield name, tasks[name]


def _title(task: Spec) -> str:
    return str(task.get("taskInfo", {}).get("name", ""))


def _step_name(spec: Spec, component: Spec) -> str:
    container = spec["deploymentSpec"]["executors"][component["executorLabel"]]["container"]
    return step_of_command(container["command"])


def find(name: str, preset: str = "") -> CompiledPipeline:
    """Return a compiled pipeline, if there is one for the preset that, else the one to use; InputError names all."""
    check_pipeline(name)
    chosen = preset if preset in RELEASED[name] else RELEASED[name][-1]
    return CompiledPipeline(COMPILED / file_name(name, chosen), name, chosen)


def check_pipeline(name: str) -> None:
    """Raise InputError for a pipeline that there is not."""
    if name not in RELEASED:
        raise InputError(f"unknown pipeline {name!r}; {nearest(name, RELEASED)}")


def file_name(pipeline: str, preset: str) -> str:
    """Return the name of the file of a pipeline that is compiled for a preset."""
    return f"{pipeline}-{preset}.yaml".replace("_", "-")


def read_documents(path: Path) -> list[dict[str, Any]]:
    """Return the YAML documents of a file; with libyaml where it is there, ten times as fast."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return list(yaml.load_all(path.read_text(encoding="utf-8"), Loader=loader))


def executors_on_kubernetes(documents: Sequence[Spec]) -> Spec:
    """Return what a pipeline asks of Kubernetes for each executor, by label: a compiled file's second document."""
    executors: Spec = documents[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if documents[1:] else {}
    return executors


def graphs_of(spec: Spec) -> dict[str, Any]:
    """Return the graphs of a pipeline by the names of their components; the outermost is "root"."""
    components = {"root": spec["root"], **spec["components"]}
    return {name: component for name, component in components.items() if "dag" in component}


def declared_in(component: Spec) -> dict[str, Any]:
    """Return the declarations of a component's parameters by name: ``parameterType``, ``defaultValue``."""
    declared: dict[str, Any] = component.get("inputDefinitions", {}).get("parameters", {})
    return declared


def step_of_command(command: Sequence[str]) -> str:
    """Return the step that ``python3 -m components.<step>`` runs, or the name of a task that is none."""
    module = command[command.index("-m") + 1]
    return TASKS.get(module, module.removeprefix("components."))


def executor_input_of_command(command: Sequence[str]) -> dict[str, Any]:
    """Return what a step's command is told of its task: the values of its options, and where its outputs go."""
    told: dict[str, Any] = json.loads(command[command.index("--executor-input") + 1])
    return told


def _inputs(task: Spec) -> Spec:
    inputs: Spec = task.get("inputs", {}).get("parameters", {})
    return inputs


def _defaults(component: Spec) -> dict[str, Any]:
    declared = declared_in(component)
    return {name: declared[name]["defaultValue"] for name in declared if "defaultValue" in declared[name]}


def _resolve(value: Spec, values: Spec, done: Mapping[str, Outputs | list[Outputs]], kind: str) -> Any:
    if "taskOutputParameter" in value:
        told = value["taskOutputParameter"]
        return _output(done.get(told["producerTask"], {}), told["outputParameterKey"])
    if "runtimeValue" in value:
        return value["runtimeValue"]["constant"]
    return _select(value, values.get(value["componentInputParameter"], LATER), kind)


def _output(of: Outputs | list[Outputs], name: str) -> Any:
    """Return a task's output, or those of a loop's rounds as a list; LATER where one is not known."""
    if isinstance(of, Mapping):
        return of.get(name, LATER)
    collected = [_output(each, name) for each in of]
    return LATER if LATER in collected else collected


def _outputs_of(graph: Spec, done: Mapping[str, Outputs | list[Outputs]]) -> Outputs:
    """Return what a graph puts out: of a choice, what the task that ran has made."""
    outputs = {}
    for name, said in graph["dag"].get("outputs", {}).get("parameters", {}).items():
        choices = said.get("valueFromOneof", {}).get("parameterSelectors") or [said["valueFromParameter"]]
        taken = next((each for each in choices if each["producerSubtask"] in done), None)
        if taken:
            outputs[name] = _output(done[taken["producerSubtask"]], taken["outputParameterKey"])
    return outputs


def _origin(value: Spec, origins: Mapping[str, str]) -> str:
    """Return the parameter of the run that an input comes from, "" for none."""
    origin = origins.get(value.get("componentInputParameter", ""), "")
    key = _SELECTOR.search(value.get("parameterExpressionSelector", ""))
    return f"{origin}.{key.group(1)}" if origin and key else origin


def _select(value: Spec, found: Any, kind: str) -> Any:
    """Return what an input takes of a value: of a loop's item one field, of the type that Kubeflow's driver accepts."""
    selector = value.get("parameterExpressionSelector")
    if found is LATER or not selector:
        return found
    match = _SELECTOR.search(selector)
    assert match, selector
    key, origin = match.group(1), value["componentInputParameter"].removeprefix("pipelinechannel--")
    field = found.get(key) if isinstance(found, dict) else None
    if kind.startswith("NUMBER"):
        is_right, what = (
            isinstance(field, int | float) and not isinstance(field, bool),
            f"number {key!r}, such as 1.0e-5",
        )
    else:
        is_right, what = isinstance(field, str), f"text {key!r}"
    if not is_right:
        raise InputError(f"{origin.removesuffix('-loop-item')}: {found!r} has to be a mapping with the {what}")
    return field


def _iterations(
    name: str, task: Spec, inputs: dict[str, Any], origins: dict[str, str], around: _Surroundings
) -> Iterator[tuple[_Surroundings, dict[str, Any], dict[str, str]]]:
    """Yield each round of a loop with its inputs and their origins; a task that is no loop is one."""
    iterator = task.get("parameterIterator")
    if iterator is None:
        yield around.within(name, None), inputs, origins
        return
    source, item_input = iterator["items"].get("inputParameter", ""), iterator["itemInput"]
    items = inputs[source] if source else json.loads(iterator["items"]["raw"])
    for number, item in enumerate(items):
        of_item = {item_input: f"{origins[source]}[{number}]" if source else ""}
        yield around.within(name, item, number), inputs | {item_input: item}, origins | of_item


def _runs(task: Spec, inputs: Mapping[str, Any]) -> bool:
    condition = task.get("triggerPolicy", {}).get("condition", "")
    if not condition:
        return True
    match = _IS_EMPTY.match(condition)
    assert match, condition  # the pipelines ask only whether a parameter was given
    return bool(inputs[match.group(2)] == "") != bool(match.group(1))
