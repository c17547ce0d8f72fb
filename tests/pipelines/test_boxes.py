from pathlib import Path
from typing import Any

import yaml
from kfp import compiler, dsl

from pipelines.boxes import box
from tests.pipelines.echo_component import echo


@dsl.pipeline(name="inner")
def inner(workspace: str, text: str) -> None:
    echo(name=text, inputs=workspace)


@dsl.pipeline(name="outer")
def outer(workspace: str, text: str, unknown_inside: str) -> None:
    parameters = dict(locals())
    box(inner, parameters)
    box(inner, parameters, text="given")


def test_a_box_gets_the_parameters_that_it_has_and_what_is_given_goes_before_them(tmp_path: Path) -> None:
    first, second = _tasks(outer, tmp_path / "outer.yaml")
    assert first == {
        "text": {"componentInputParameter": "text"},
        "workspace": {"componentInputParameter": "workspace"},
    }
    assert second["text"] == {"runtimeValue": {"constant": "given"}}
    assert second["workspace"] == {"componentInputParameter": "workspace"}


def _tasks(pipeline: Any, path: Path) -> list[dict[str, Any]]:
    compiler.Compiler().compile(pipeline, str(path))
    spec = next(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    return [task["inputs"]["parameters"] for _, task in sorted(spec["root"]["dag"]["tasks"].items())]
