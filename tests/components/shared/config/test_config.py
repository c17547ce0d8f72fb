from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.config import PartsConfig, StepConfig, flag_of, folders, option, options_of, step_name
from components.shared.errors import InputError


@dataclass(frozen=True, kw_only=True)
class SampleConfig(PartsConfig):
    """Options of each sort."""

    questions: str = option(help="folder", is_folder=True)
    temperature: float = option(0.7, help="sampling temperature", minimum=0)
    top_p: float = option(1.0, help="nucleus", minimum=0, maximum=1)
    bonus: float = option(0.0, help="anything finite")
    depth: int = option(1, help="few", maximum=3)
    mode: str = option("fast", help="how", choices=("fast", "exact"))
    keep: bool = option(True, help="keep rejects")


GIVEN = {"workspace": "w", "questions": "q"}


def test_required_options_come_first_then_the_others_as_declared() -> None:
    names = [field.name for field in options_of(SampleConfig)]
    assert names == [
        "workspace", "questions", "gates", "max_gpu_hours", "rows_per_part", "temperature", "top_p", "bonus",
        "depth", "mode", "keep",
    ]  # fmt: skip


def test_a_step_is_named_after_the_folder_of_its_config() -> None:
    assert step_name(SampleConfig) == "config"
    assert SampleConfig(workspace="w", questions="q").step == "config"
    assert flag_of("rows_per_part") == "--rows-per-part"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": -0.1}, "--temperature -0.1 is out of range; expected at least 0"),
        ({"top_p": 1.5}, "--top-p 1.5 is out of range; expected 0 to 1"),
        ({"depth": 4}, "--depth 4 is out of range; expected at most 3"),
        ({"bonus": float("nan")}, "--bonus nan is not accepted; expected a finite number"),
        ({"bonus": float("-inf")}, "--bonus -inf is not accepted; expected a finite number"),
        ({"mode": "quick"}, "--mode 'quick' is not accepted; expected one of fast, exact"),
        ({"questions": "q\udcff"}, "--questions 'q\\udcff' is not text in UTF-8"),
        ({"rows_per_part": 0}, "--rows-per-part 0 is out of range; expected at least 1"),
    ],
)
def test_a_value_that_is_not_accepted_is_named_with_what_is(values: dict[str, object], message: str) -> None:
    make: Callable[..., StepConfig] = SampleConfig
    with pytest.raises(InputError) as raised:
        make(**GIVEN | values)
    assert str(raised.value) == message


@given(st.lists(st.text(min_size=1).filter(lambda uri: not uri.startswith("[")), min_size=1))
def test_a_folder_option_is_one_uri_or_a_json_list_without_repetitions(uris: list[str]) -> None:
    assert folders(uris[0]) == (uris[0],)
    assert folders(json.dumps(uris)) == tuple(dict.fromkeys(uris))
    assert folders(json.dumps([uris, uris[0]])) == tuple(dict.fromkeys(uris))


def test_no_folder_given_is_no_folder() -> None:
    assert folders("") == ()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[gs://a", "'[gs://a' is neither a URI nor a JSON list of URIs"),
        ("[]", "'[]' must be a list of at least one URI"),
        ("[1]", "must be a list of at least one URI"),
        ('[""]', "must be a list of at least one URI"),
        ('[[["a"]]]', "must be a list of at least one URI"),
    ],
)
def test_a_list_that_does_not_hold_uris_is_refused(value: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        folders(value)
    assert message in str(raised.value)
