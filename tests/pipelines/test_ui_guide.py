"""The guide to Kubeflow's web page against what that page shows: the compiled files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from components.steps import config_of, step_names
from pipelines.compiled_pipeline import COMPILED, RELEASED, read_documents
from pipelines.nested import walk
from tests.source_tree import ROOT

GUIDE = (ROOT / "docs" / "from-the-ui.md").read_text(encoding="utf-8")
SPEC = read_documents(COMPILED / "scalequest-smoke.yaml")[0]


def tables(heading: str) -> list[list[list[str]]]:
    """The tables below a heading: rows of cells."""
    section = GUIDE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    return [[[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]] for table in found]


def names_in(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def tasks() -> Iterator[tuple[str, Any]]:
    """The name that the graph shows of each task, with the task, on all levels."""
    for _, value in walk(SPEC):
        if isinstance(value, dict) and "taskInfo" in value:
            yield value["taskInfo"]["name"], value


def loops() -> set[str]:
    return {name for name, task in tasks() if "parameterIterator" in task}


def takers(parameter: str) -> set[str]:
    """The tasks that are given a pipeline's parameter, on all levels."""
    sources = {parameter, f"pipelinechannel--{parameter}"}
    return {
        name
        for name, task in tasks()
        for given in task.get("inputs", {}).get("parameters", {}).values()
        if given.get("componentInputParameter") in sources
    }


def test_the_table_of_boxes_has_each_box_of_the_graph() -> None:
    (boxes,) = tables("Read the graph")
    assert sorted(name for first, _ in boxes for name in names_in(first)) == sorted({n for n, _ in tasks()} - loops())
    for loop in loops():
        assert f"`{loop}`" in GUIDE


def test_the_table_of_fields_has_each_field_of_the_form_once() -> None:
    (fields,) = tables("Fill in and start")
    patterns = [name for first, _ in fields for name in names_in(first)]
    for parameter in SPEC["root"]["inputDefinitions"]["parameters"]:
        fits = [each for each in patterns if re.fullmatch(each.replace("…", ".+"), parameter)]
        assert len(fits) == 1, (parameter, fits)


def test_what_a_changed_field_computes_again_begins_at_a_box_that_is_given_it() -> None:
    (changes,) = tables("Clone with another value")
    checked = [(names_in(changed), names_in(again)) for changed, again in changes if again.startswith("from `")]
    assert len(checked) == 4
    for (parameter, *_), (box,) in checked:
        assert box in takers(parameter)


@pytest.mark.parametrize("name", ["kept_questions", "answers", "rewards", "trained_model", "distribution", "summary"])
def test_artifacts_that_the_guide_names_are_declared(name: str) -> None:
    assert f"`{name}`" in GUIDE
    assert name in {artifact for step in step_names() for artifact in config_of(step).ARTIFACTS}


def test_pipelines_that_the_guide_names_are_registered() -> None:
    (registered,) = tables("Register")
    released = {f"{name.replace('_', '-')}-{preset}" for name, presets in RELEASED.items() for preset in presets}
    for name in names_in(" ".join(first for first, _ in registered)):
        assert any(re.fullmatch(name.replace("…", ".+"), each) for each in released), name
