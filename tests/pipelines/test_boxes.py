from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from kfp import compiler

from pipelines.boxes import box
from pipelines.parameters import Common, parameter
from tests.pipelines.echo_component import echo


@dataclass(frozen=True, kw_only=True)
class Inner(Common):
    text: str = parameter(help="what is said")


@dataclass(frozen=True, kw_only=True)
class Outer(Inner):
    unknown_inside: str = parameter("default", help="nothing to the inner one")
    numbers: list[int] = parameter([0, 1], help="a list")


@box("inner")
def inner(run: Inner, *, folder: str) -> str:
    """Say it."""
    return echo(name=run.text, inputs=folder).outputs["folder"]


@box("outer")
def outer(run: Outer) -> None:
    """Have it said twice."""
    first = inner(run, folder="somewhere")
    inner(run, folder=first)


class Both(NamedTuple):
    first: str
    second: str


@box("two-outputs")
def two_outputs(run: Inner) -> Both:
    """Say it twice."""
    once = echo(name=run.text).outputs["folder"]
    return Both(first=once, second=echo(name=run.text, inputs=once).outputs["folder"])


@box("around-two-outputs")
def around_two_outputs(run: Outer) -> None:
    """Have the second one said again."""
    inner(run, folder=two_outputs(run).second)


def test_a_box_with_several_outputs_gives_them_by_name(tmp_path: Path) -> None:
    tasks = compiled(tmp_path, around_two_outputs)["root"]["dag"]["tasks"]
    taken = tasks["inner"]["inputs"]["parameters"]["folder"]["taskOutputParameter"]
    assert taken == {"producerTask": "two-outputs", "outputParameterKey": "second"}


def test_a_box_gets_those_parameters_of_the_pipeline_around_it_that_it_has(tmp_path: Path) -> None:
    first, second = (
        task["inputs"]["parameters"] for _, task in sorted(compiled(tmp_path)["root"]["dag"]["tasks"].items())
    )
    assert first["text"] == second["text"] == {"componentInputParameter": "text"}
    assert "unknown_inside" not in first


def test_a_box_gets_its_other_inputs_from_whoever_calls_it_and_returns_its_output(tmp_path: Path) -> None:
    first, second = (
        task["inputs"]["parameters"] for _, task in sorted(compiled(tmp_path)["root"]["dag"]["tasks"].items())
    )
    assert first["folder"] == {"runtimeValue": {"constant": "somewhere"}}
    assert second["folder"]["taskOutputParameter"]["producerTask"] == "inner"


def test_the_parameters_of_a_pipeline_have_the_types_defaults_and_help_of_their_group(tmp_path: Path) -> None:
    declared = compiled(tmp_path)["root"]["inputDefinitions"]["parameters"]
    assert declared["text"] == {"parameterType": "STRING", "description": "what is said"}
    assert declared["numbers"]["parameterType"] == "LIST"
    assert declared["numbers"]["defaultValue"] == [0.0, 1.0]
    assert declared["unknown_inside"]["defaultValue"] == "default"


def test_a_run_shows_what_its_parameters_mean_and_the_boxes_in_it_do_not_repeat_it(tmp_path: Path) -> None:
    spec = compiled(tmp_path)
    inner_box = spec["components"]["comp-inner"]["inputDefinitions"]["parameters"]
    assert inner_box["text"] == {"parameterType": "STRING"}
    assert spec["root"]["inputDefinitions"]["parameters"]["text"]["description"] == "what is said"


def compiled(folder: Path, function: Any = outer) -> dict[str, Any]:
    path = folder / "outer.yaml"
    compiler.Compiler().compile(function.pipeline, str(path))
    spec: dict[str, Any] = next(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    return spec
