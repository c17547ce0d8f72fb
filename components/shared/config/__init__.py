"""Declaring a step's options: a frozen dataclass, checked when it is made.

It is the one declaration: the command line (command/step_command.py), the Kubeflow component (components/kubeflow.py)
and the Job (manifests/jobs.py) are made from it. So a config loads nothing but the standard library and PyYAML.

Every option takes a value and an empty string means "not given", because Kubeflow passes text and never absence.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

from components.shared.config.artifacts import KEPT_QUESTIONS, Artifact, artifacts
from components.shared.config.gates import OF_QUESTIONS, OF_ROWS, read_gates
from components.shared.errors import InputError
from components.shared.images import ImageName

METRICS = "metrics"  # the output that every step has besides its artifacts


@dataclass(frozen=True, kw_only=True)
class OptionInfo:
    """What an option's declaration says besides its type and default."""

    help: str
    affects_output: bool = True
    is_folder: bool = False
    is_wired: bool = False
    choices: tuple[str, ...] = ()
    minimum: float = float("-inf")
    maximum: float = float("inf")

    @property
    def is_settable(self) -> bool:
        """Whether a run can set it for all tasks of the step."""
        return not self.is_wired


def option(
    default: Any = dataclasses.MISSING,
    *,
    help: str,
    affects_output: bool = True,
    is_folder: bool = False,
    is_wired: bool | None = None,
    choices: Sequence[str] = (),
    minimum: float = float("-inf"),
    maximum: float = float("inf"),
) -> Any:
    """Declare an option of a step's config; without a default it is required.

    ``affects_output=False`` keeps it out of the fingerprint (hardware, pods). ``is_folder`` marks an input: its
    content's fingerprint stands in for its address. ``is_wired`` marks what a pipeline gives each task of its own, so
    that a run cannot set it for all of them; an input is, unless it says otherwise. ``minimum`` and ``maximum`` are
    inclusive.
    """
    info = OptionInfo(
        help=help,
        affects_output=affects_output,
        is_folder=is_folder,
        is_wired=is_folder if is_wired is None else is_wired,
        choices=tuple(choices),
        minimum=minimum,
        maximum=maximum,
    )
    return dataclasses.field(default=default, metadata={"option": info})


@dataclass(frozen=True, kw_only=True)
class StepConfig:
    """The options that every step has. A step's config adds its own and names them in the field's terms."""

    IMAGE: ClassVar[ImageName] = "cpu"  # that its command runs in
    # What Kubeflow shows for its folder, beside the metrics, by the output's name.
    ARTIFACTS: ClassVar[Mapping[str, Artifact]] = artifacts()
    WATCHED: ClassVar[tuple[str, ...]] = OF_ROWS  # the figures that a gate may bound
    VERSION: ClassVar[int] = 1  # raised when the same options give different rows
    PROMPTS: ClassVar[tuple[Path, ...]] = ()  # the prompt files it fills: another text makes other rows
    # What its tasks are called where a pipeline has several: an option, and the name by its value.
    CALLED_BY: ClassVar[tuple[str, Mapping[str, str]]] = ("", MappingProxyType({}))

    workspace: str = option(help="the workspace: gs://…, s3://… or a directory", affects_output=False, is_wired=True)
    gates: str = option(
        "",
        help='bounds beyond which the step stops or warns: "generate_questions duplicates <= 0.5 stop", several '
        "with a semicolon between them; figures: kept, cut_off, refusals, duplicates, diversity, agreement",
        affects_output=False,
        is_wired=True,
    )
    max_gpu_hours: float = option(
        0.0,
        help="GPU-hours that the workspace may have taken, all its runs together, before the step stops; 0: no limit",
        affects_output=False,
        is_wired=True,
        minimum=0.0,
    )

    def __post_init__(self) -> None:
        read_gates(self.gates)
        for field in options_of(type(self)):
            _check(field, getattr(self, field.name))

    @property
    def step(self) -> str:
        """The step's name: the folder that its config is declared in."""
        return step_name(type(self))

    @property
    def num_gpus(self) -> int | None:
        """How many GPUs one process of it uses where there are any; None: all that it may use."""
        return 0 if self.IMAGE == "cpu" else None

    @property
    def prompts(self) -> tuple[Path, ...]:
        """The prompt files that it fills with these options."""
        return self.PROMPTS


@dataclass(frozen=True, kw_only=True)
class SharedConfig(StepConfig):
    """The options of a step that several pods can share and that makes one part out of each part of its input.

    For steps whose rows belong together in groups (the responses to one question): a group never leaves its part.
    """

    @property
    def num_gpus(self) -> int:
        """How many GPUs one process of it uses where there are any."""
        return 0


@dataclass(frozen=True, kw_only=True)
class PartsConfig(SharedConfig):
    """The options of a step that several pods can share and that cuts its input into parts of its own size."""

    rows_per_part: int = option(
        1024, help="input rows per part: the most that a lost pod has to repeat", affects_output=False, minimum=1
    )


@dataclass(frozen=True, kw_only=True)
class FilterConfig(PartsConfig):
    """The options of a step that keeps or rejects questions one at a time."""

    ARTIFACTS: ClassVar = artifacts(kept_questions=KEPT_QUESTIONS)
    WATCHED: ClassVar[tuple[str, ...]] = (*OF_ROWS, *OF_QUESTIONS)

    questions: str = option(help="folder of Question rows, or a JSON list of them", is_folder=True)


def options_of(config: type[StepConfig]) -> list[dataclasses.Field[Any]]:
    """Return the fields that are options, required ones first, each group in the order of declaration."""
    fields = [field for field in dataclasses.fields(config) if "option" in field.metadata]
    return sorted(fields, key=lambda field: field.default is not dataclasses.MISSING)


def info_of(field: dataclasses.Field[Any]) -> OptionInfo:
    """Return what ``option()`` recorded of a field."""
    info = field.metadata["option"]
    assert isinstance(info, OptionInfo)
    return info


def flag_of(name: str) -> str:
    """Return the flag of a field: ``num_gpus`` is ``--num-gpus``."""
    return "--" + name.replace("_", "-")


def step_name(config: type[StepConfig]) -> str:
    """Return the step that a config belongs to, from its module: ``components.<step>.config``."""
    return config.__module__.split(".")[-2]


def folders(value: str) -> tuple[str, ...]:
    """Return the addresses in a folder option: one URI, or a JSON list of them; repetitions collapse.

    A fan-out in Kubeflow hands on one address for each pod, all the same, as a JSON list.
    """
    if not value.startswith("["):
        return (value,) if value else ()
    try:
        uris = json.loads(value)
    except json.JSONDecodeError as error:
        raise InputError(f"{value!r} is neither a URI nor a JSON list of URIs:  {error}") from error
    flat = [uri for item in uris for uri in (item if isinstance(item, list) else [item])]
    if not flat or not all(isinstance(uri, str) and uri for uri in flat):
        raise InputError(f"{value!r} must be a list of at least one URI")
    return tuple(dict.fromkeys(flat))


def accepted_range(info: OptionInfo) -> str:
    """Return which numbers an option takes; "" for any."""
    if info.minimum == float("-inf") and info.maximum == float("inf"):
        return ""
    if info.maximum == float("inf"):
        return f"at least {info.minimum:g}"
    if info.minimum == float("-inf"):
        return f"at most {info.maximum:g}"
    return f"{info.minimum:g} to {info.maximum:g}"


def _check(field: dataclasses.Field[Any], value: Any) -> None:
    info, flag = info_of(field), flag_of(field.name)
    if info.choices and value not in info.choices:
        raise InputError(f"{flag} {value!r} is not accepted; expected one of {', '.join(info.choices)}")
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{flag} {value} is not accepted; expected a finite number")
    if isinstance(value, int | float) and not isinstance(value, bool) and not info.minimum <= value <= info.maximum:
        raise InputError(f"{flag} {value} is out of range; expected {accepted_range(info)}")
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise InputError(f"{flag} {value!r} is not text in UTF-8")
