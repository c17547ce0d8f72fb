"""The address of every step's folder: the same for the same work, another for work that makes other rows."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from components.shared.config import StepConfig, info_of, options_of, step_name
from components.shared.errors import InputError
from components.shared.workspace.planning import make_plan
from components.steps import config_of
from tests.source_tree import STEPS

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="["), min_size=1, max_size=6)
FOLDER = st.integers(0, 99).map("package:name@{}".format)  # an address that stands for itself: no content is read
# What has a form of its own, which no random text has.
FORMED = {
    ("evaluate", "prompt_file"): st.sampled_from(["prompt:solve", "prompt:benchmarks", "package:prompt@1"]),
    ("import_questions", "benchmark_uri"): st.just(""),  # goes with one kind of source alone
    ("sample_difficulty", "sources"): st.sampled_from(['["a"]', '["b", "a"]']),
    ("sample_difficulty", "target"): st.sampled_from(["[1]", "[1, 2]", "[2, 1]"]),
}
# An option that is drawn again may come out as it was: how often depends on what the process has drawn before.
EXAMPLES = settings(max_examples=8, suppress_health_check=[HealthCheck.filter_too_much])


@pytest.mark.parametrize("step", STEPS)
@EXAMPLES
@given(data=st.data())
def test_the_same_work_has_the_same_fingerprint_in_any_place_on_any_hardware_and_in_any_number_of_pods(
    step: str, data: st.DataObject
) -> None:
    config = data.draw(configs(config_of(step)))
    other = data.draw(changed(config, affects_output=False))
    assert fingerprint(other) == fingerprint(config)


@pytest.mark.parametrize("step", STEPS)
@EXAMPLES
@given(data=st.data())
def test_any_option_that_may_change_the_rows_changes_the_fingerprint(step: str, data: st.DataObject) -> None:
    config = data.draw(configs(config_of(step)))
    other = data.draw(changed(config, affects_output=True))
    assume(other != config)
    assert fingerprint(other) != fingerprint(config)


def fingerprint(config: StepConfig) -> str:
    """Return the last name of the address of a step's folder."""
    return make_plan(config).fingerprint


def configs(config: type[StepConfig]) -> st.SearchStrategy[StepConfig]:
    """Return a step's configs, with any values that its options accept."""
    return st.fixed_dictionaries({f.name: values_of(config, f) for f in options_of(config)}).map(
        lambda values: make(config, values)
    )


def changed(config: StepConfig, *, affects_output: bool) -> st.SearchStrategy[StepConfig]:
    """Return a config with other values for some of the options that change the rows, or of those that do not."""
    kind, fields = type(config), options_of(type(config))
    now = {f.name: getattr(config, f.name) for f in fields}
    chosen = [f for f in fields if (info_of(f).affects_output or info_of(f).is_folder) == affects_output]
    values = st.fixed_dictionaries({}, optional={f.name: values_of(kind, f) for f in chosen})
    return values.map(lambda other: make(kind, now | other))


def make(config: type[StepConfig], values: dict[str, Any]) -> StepConfig:
    """Return a config; an example whose options do not go together is passed over."""
    try:
        return config(**values)
    except InputError:
        assume(False)
        raise


def values_of(config: type[StepConfig], field: dataclasses.Field[Any]) -> st.SearchStrategy[Any]:
    """Return what an option accepts, its default more often than chance would."""
    info, kind = info_of(field), typing.get_type_hints(config)[field.name]
    minimum, maximum = max(info.minimum, -100), min(info.maximum, 100)
    if (step_name(config), field.name) in FORMED:
        values: st.SearchStrategy[Any] = FORMED[step_name(config), field.name]
    elif info.is_folder:
        values = FOLDER
    elif info.choices:
        values = st.sampled_from(info.choices)
    elif kind is int:
        values = st.integers(int(minimum), int(maximum))
    elif kind is float:
        values = st.floats(minimum, maximum)
    else:
        values = st.booleans() if kind is bool else TEXT
    return values if field.default is dataclasses.MISSING or info.is_folder else st.just(field.default) | values
