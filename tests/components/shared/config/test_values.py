from __future__ import annotations

from typing import Any

import pytest

from components.deduplicate.config import DeduplicateConfig
from components.shared.config import info_of, options_of
from components.shared.config.values import (
    default_text,
    nearest,
    read_step_options,
    set_for_step,
    text_of,
    value_of,
)
from components.shared.errors import InputError
from components.steps import config_of
from tests.source_tree import STEPS


@pytest.mark.parametrize(
    ("value", "text"),
    [("a", "a"), (None, ""), (7, "7"), (7.0, "7"), (0.25, "0.25"), (True, "true"), ([1, "ä"], '[1, "ä"]')],
)
def test_a_value_of_kubeflow_is_the_text_of_a_command_line(value: Any, text: str) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize("step", STEPS)
def test_every_default_comes_back_from_its_text(step: str) -> None:
    fields = [field for field in options_of(config_of(step)) if default_text(field)]
    assert {f.name: value_of(config_of(step), f.name, default_text(f)) for f in fields} == {
        f.name: f.default for f in fields
    }


@pytest.mark.parametrize("step", STEPS)
def test_a_run_sets_neither_places_nor_inputs_nor_shards_nor_seeds(step: str) -> None:
    settable = {field.name for field in options_of(config_of(step)) if info_of(field).is_settable}
    folders = {field.name for field in options_of(config_of(step)) if info_of(field).is_folder}
    assert not settable & {"workspace", "shard", "num_shards", "seed", "num_nodes", *folders}


def test_a_step_takes_its_own_entry_of_what_is_set() -> None:
    text = '{"deduplicate": {"min_similarity": 0.9}, "train_sft": {"epochs": 2}}'
    assert set_for_step(text, DeduplicateConfig) == {"min_similarity": 0.9}
    assert set_for_step("", DeduplicateConfig) == {}


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"deduplicate": 7}'])
def test_what_is_no_options_of_steps_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"the parameter options is .*; expected .*as --set STEP.OPTION=VALUE makes"):
        read_step_options(text)


def test_the_nearest_name_is_offered_and_else_all() -> None:
    assert nearest("min_similarty", ["min_similarity", "rows_per_part"]) == "did you mean 'min_similarity'?"
    assert nearest("x", ["b", "a"]) == "expected one of a, b"
