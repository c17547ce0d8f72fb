"""The parameters of the pipelines, in groups as the stages need them: the form that Kubeflow's UI shows.

The form sorts them by name, so those that belong together begin alike. What is not here is an option of a step: a
preset sets it (``qft.epochs``), and so does ``options``.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from types import MappingProxyType
from typing import Any

from components.shared.config.values import text_of
from components.shared.errors import InputError
from components.shared.templates.families import CHAT_TEMPLATES
from pipelines.secret_names import STORE_SECRET

MOST = 2**53  # up to which Kubeflow's one kind of number knows each whole one
LIST = "a list of at least one item"
_KINDS: Mapping[type, str] = MappingProxyType({str: "text", int: "a whole number", float: "a number", list: LIST})


def parameter(default: Any = MISSING, *, help: str, choices: Sequence[str] = (), may_be_empty: bool = False) -> Any:
    """Declare a pipeline's parameter; without a default, a preset or the user has to set it.

    The form draws ``choices`` as a list. ``may_be_empty``: a preset's list may have no item.
    """
    metadata = {"help": help, "choices": tuple(choices), "may_be_empty": may_be_empty}
    if isinstance(default, list | dict):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)


def parameters_of(group: type[Any]) -> list[dataclasses.Field[Any]]:
    """Return the fields of a group that are parameters."""
    return [each for each in dataclasses.fields(group) if "help" in each.metadata]


@functools.cache
def all_parameters() -> Mapping[str, dataclasses.Field[Any]]:
    """Return the parameters of all pipelines by name."""
    return MappingProxyType({each.name: each for group in _groups() for each in parameters_of(group)})


@functools.cache
def kinds_of_parameters() -> Mapping[str, type]:
    """Return the type of each parameter: str, int, float or list."""
    hints = {name: hint for group in _groups() for name, hint in typing.get_type_hints(group).items()}
    return MappingProxyType({name: typing.get_origin(hints[name]) or hints[name] for name in all_parameters()})


def _groups() -> list[type[Any]]:
    return [each for each in globals().values() if isinstance(each, type) and issubclass(each, Compiled)]


def accepted_value(name: str, value: Any) -> Any:
    """Return the value of a parameter as its type; InputError for one that it cannot have.

    A number may stand for a text (``pods: 8``), and 1e6 is a whole number.
    """
    kind, choices = kinds_of_parameters()[name], all_parameters()[name].metadata["choices"]
    if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
        value = text_of(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        value = int(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if value is None:
        raise InputError(f"parameter {name} has no value; expected {_KINDS[kind]}")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InputError(f"parameter {name}: {value!r} is not accepted; expected {_KINDS[kind]}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"parameter {name}: {value} is not accepted; expected a finite number")
    if isinstance(value, int) and abs(value) > MOST:
        raise InputError(f"parameter {name}: {value} is not accepted; expected a whole number, at most {MOST}")
    if choices and value not in choices:
        raise InputError(f"parameter {name}: {value!r} is not accepted; expected one of {', '.join(choices)}")
    return value


def default_of(parameter: dataclasses.Field[Any]) -> Any:
    """Return a parameter's own default; MISSING if it has none."""
    return parameter.default if parameter.default_factory is MISSING else parameter.default_factory()


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """What the code of a pipeline has besides its parameters, once the first tasks stand."""

    hardware: Mapping[str, Any] = field(default_factory=dict)  # the outputs of the task that checks the run
    models: Any = ""  # the folders of the models that the run imported
    fixed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # the preset's options, by task
    has_benchmarks: bool = True  # whether the preset has any


@dataclass(frozen=True, kw_only=True)
class Importing(Compiled):
    """What every run has."""

    workspace: str = parameter(help="the workspace: gs://… or s3://…")
    seed: int = parameter(0, help="random seed; change it for different rows everywhere")
    options: str = parameter(
        "", help='further options of steps, as JSON: {"STEP": {"OPTION": VALUE}}; they go before the preset\'s'
    )
    profile: str = parameter(
        "default",
        help="hardware: an entry of the ConfigMap scalequest-profiles, or JSON of the same shape; empty where no "
        "cluster is",
    )
    gates: str = parameter(
        "",
        help="bounds beyond which a step stops, or warns: generate_questions duplicates <= 0.5 stop; …; figures: kept, "
        "cut_off, refusals, duplicates, diversity, agreement",
    )
    max_gpu_hours: float = parameter(
        0.0, help="GPU-hours that the workspace may have taken, all its runs together, before a run stops; 0: no limit"
    )
    max_cost: float = parameter(0.0, help="the same in US dollars, at price_per_gpu_hour; 0: no limit")
    price_per_gpu_hour: float = parameter(0.0, help="US dollars for one GPU; 0: the profile's, where it has one")
    gpu_work: str = parameter(
        "job",
        help="who does the work of steps with a model: job, Jobs that their tasks make; task, the tasks' own pods",
        choices=("job", "task"),
    )
    store_secret: str = parameter(
        STORE_SECRET, help="name of the Secret with the store's endpoint and keys; need not exist"
    )
    hub_secret: str = parameter("huggingface-token", help="name of the Secret with the hub's token; need not exist")


@dataclass(frozen=True, kw_only=True)
class Common(Importing):
    """What every stage with a model needs."""

    engine: str = parameter(
        "vllm", help="what runs the models: vllm, or scripted for a trial", choices=("vllm", "scripted")
    )
    pods: str = parameter(
        "1",
        help="pods of a Job that share a step with a model: 8, or 2..16 where a queue may give fewer; without Jobs, "
        "processes of the task's pod, each with GPUs of its own",
    )
    rewriter_secret: str = parameter(
        "rewriter-key", help="name of the Secret with the key of the rewriter's, or solver's, endpoint; need not exist"
    )


@dataclass(frozen=True, kw_only=True)
class SeedQuestions(Importing):
    """The seed questions."""

    seed_questions: list[dict[str, str]] = parameter(help="sources: {source, question_column, answer_column}")
    seed_num_questions: int = parameter(help="questions from each source; 0 for all")


@dataclass(frozen=True, kw_only=True)
class TrainingExamples(Importing):
    """What solvers learn from."""

    training_examples: list[dict[str, str]] = parameter(
        help="sources of questions with responses: {source, question_column, response_column}; also finished datasets"
    )
    training_num_examples: int = parameter(help="examples from each source; 0 for all")


@dataclass(frozen=True, kw_only=True)
class BenchmarkQuestions(Importing):
    """The questions that no dataset may hold."""

    benchmarks: list[dict[str, str]] = parameter(
        help="questions that solvers are scored on, and the dataset may not hold: {source, question_column, "
        "answer_column}",
        may_be_empty=True,
    )
    benchmark_num_questions: int = parameter(help="questions from each benchmark; 0 for all")


@dataclass(frozen=True, kw_only=True)
class Solvers(Common, BenchmarkQuestions):
    """How solvers are trained, and what they are scored on before and after."""

    # Kubeflow knows one type for all values of a mapping; learning_rate is a number all the same.
    solvers: list[dict[str, str]] = parameter(
        help="models to train on the dataset: {source, model, chat_template, learning_rate}", may_be_empty=True
    )


@dataclass(frozen=True, kw_only=True)
class Generators(SeedQuestions, Common):
    """Training of question generators: QFT, preferences, QPO."""

    generators: list[dict[str, str]] = parameter(help="models to train: {source, model, chat_template}")
    generator_num_preferences: int = parameter(help="questions of each generator that the rewriter is given")
    rewriter: str = parameter(
        help="model URI of what makes the preferred versions of questions; openai:NAME behind an endpoint"
    )
    rewriter_endpoint: str = parameter(help="base URL of an OpenAI-compatible server; empty for a model that we run")


@dataclass(frozen=True, kw_only=True)
class QuestionGeneration(Common):
    """The stage "question generation"."""

    generator_num_questions: int = parameter(help="questions from each generator, before filtering")


@dataclass(frozen=True, kw_only=True)
class Solver(Common):
    """The model that answers, and judges solvability."""

    solver: str = parameter(help="its model URI")
    solver_chat_template: str = parameter(
        help="its chat template: own (the model's own), or a family", choices=CHAT_TEMPLATES
    )
    solver_num_responses: int = parameter(help="responses for each question")


@dataclass(frozen=True, kw_only=True)
class Rewarding(Common):
    """The stage "reward filtering"."""

    reward_model: str = parameter(
        help="its model URI; empty to train one on verified answers; in answer_questions, empty for no rewards"
    )


@dataclass(frozen=True, kw_only=True)
class Difficulty(Common):
    """How difficulty is measured on questions with known answers, and easy questions are thinned out."""

    difficulty_solver: str = parameter(help="model URI of the solver whose fail rate is measured")
    difficulty_base: str = parameter(help="model URI that the difficulty scorer starts from")


@dataclass(frozen=True, kw_only=True)
class DatasetMaking(Solver, Rewarding, Difficulty, BenchmarkQuestions):
    """Everything from questions to the dataset."""


@dataclass(frozen=True, kw_only=True)
class Construction(SeedQuestions, QuestionGeneration, DatasetMaking):
    """Construction of the dataset alone. Its generators have a name of their own: a preset's models are untrained."""

    trained_generators: list[dict[str, str]] = parameter(
        help="results of train_question_generator, or published ones: {source, model, chat_template}"
    )


@dataclass(frozen=True, kw_only=True)
class WholeFigure(Generators, QuestionGeneration, DatasetMaking, Solvers):
    """Both columns, and solvers that are trained on the dataset."""


@dataclass(frozen=True, kw_only=True)
class SolverTraining(Solvers, TrainingExamples):
    """Training of solvers on any dataset."""


@dataclass(frozen=True, kw_only=True)
class OwnQuestions(Solver, Rewarding):
    """Answers to questions of your own."""

    questions: str = parameter(
        help="their file: .jsonl, .json, .csv or .parquet at a path, gs://…, s3://… or "
        "hf://datasets/org/name@revision/path/in/repo"
    )
    question_column: str = parameter(help="column of the question; the others are kept as metadata")
    answer_column: str = parameter(help="column of the known answers; none: they are not known")
    judge: str = parameter(
        help="model that drops questions that cannot be solved, where the solver runs; empty: all are answered"
    )
    solver_endpoint: str = parameter(
        help="base URL of an OpenAI-compatible server (…/v1) for solver=openai:NAME; empty for a model that we run"
    )
    select_by: str = parameter(
        help="what makes an answer the best: agreement, reward, or both (agreement, then reward)",
        choices=("agreement", "reward", "both"),
    )
