"""What is learnt from a refusal: a parameter that a server does not have or sets itself, never a value for the user."""

from __future__ import annotations

import dataclasses

import pytest

from components.shared.engines import Request, Sampling
from components.shared.engines._endpoint_dialect import Dialect

SAMPLING = Sampling(temperature=0.7, top_p=0.9, max_tokens=100)


def learnt(refusal: str, num_samples: int = 1, named: str = "") -> tuple[bool, set[str], set[str]]:
    """Return whether something was learnt, what is not sent any more, and what is sent instead."""
    dialect, request = Dialect("m"), Request(key=0, message="2+2?", seed=5, num_samples=num_samples)
    before = dialect.body(request, SAMPLING, num_samples, 5)
    is_learnt = dialect.adapt(before, refusal, named)
    after = dialect.body(request, SAMPLING, 1 if dialect.one_at_a_time else num_samples, 5)
    return is_learnt, set(before) - set(after), set(after) - set(before)


@pytest.mark.parametrize(
    ("refusal", "name"),
    [
        ("invalid temperature: only 1 is allowed for this model", "temperature"),
        ("invalid temperature: only 0.6 is allowed for this model", "temperature"),
        ("`temperature` may only be set to 1 when thinking is enabled", "temperature"),
        ("Temperature must be set to 1.0", "temperature"),
        ("only the default temperature is taken", "temperature"),
        ("temperature has to be unset", "temperature"),
        ("temperature, top_p and n are fixed at 1", "top_p"),
        ("top_p must be 1", "top_p"),
        ("seed is not a valid parameter", "seed"),
        ("Invalid parameter: seed", "seed"),
        ("Invalid request argument 'seed'.", "seed"),
        ("No such parameter: seed", "seed"),
        ("seed is incompatible with this model", "seed"),
    ],
)
def test_what_is_unknown_or_fixed_is_left_out(refusal: str, name: str) -> None:
    assert learnt(refusal) == (True, {name}, set())


@pytest.mark.parametrize(
    ("refusal", "named"),
    [
        ("This response_format type is unavailable now", ""),
        (
            "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.",
            "response_format",
        ),
        ("Structured outputs are not supported by this model", ""),
        ("json_schema: extra inputs are not permitted", "json_schema"),
    ],
)
def test_a_schema_is_left_out_where_the_server_knows_none(refusal: str, named: str) -> None:
    held = dataclasses.replace(SAMPLING, schema='{"type": "object"}')
    dialect, request = Dialect("m"), Request(key=0, message="2+2?", seed=5)
    body = dialect.body(request, held, 1, 5)
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert dialect.adapt(body, refusal, named)
    assert set(body) - set(dialect.body(request, held, 1, 5)) == {"response_format"}


@pytest.mark.parametrize(
    "refusal",
    [
        "max_tokens is incompatible with this model: use max_completion_tokens",
        "No such parameter: max_tokens",
        "Use `max_completion_tokens` for this model, max_tokens is gone",
    ],
)
def test_the_length_is_never_left_out_but_called_by_its_other_name(refusal: str) -> None:
    assert learnt(refusal) == (True, {"max_tokens"}, {"max_completion_tokens"})


@pytest.mark.parametrize(
    "refusal",
    [
        "max_tokens must be at most 10",
        "max_tokens must be 8",
        "max_tokens: only 8 are allowed",
        "temperature must be between 0 and 1",
        "temperature must be 0 to 2",
        "temperature must be 0-2",
        "temperature only accepts values up to 1",
        "top_p must be 1 or less",
        "top_p must not exceed 1",
        "Invalid parameter: temperature must be positive",
    ],
)
def test_a_value_that_is_not_taken_is_for_the_user(refusal: str) -> None:
    assert learnt(refusal) == (False, set(), set())


@pytest.mark.parametrize(
    "refusal",
    [
        "this model only supports 1 completion",
        "can only return 1 choice",
        "n value must be 1",
        "The value of n must be 1",
        "n can only be 1",
        "temperature, top_p and n are fixed at 1",
    ],
)
def test_several_samples_that_are_not_taken_are_asked_for_one_at_a_time(refusal: str) -> None:
    is_learnt, gone, new = learnt(refusal, num_samples=5)
    assert (is_learnt, gone, new) == (True, set(), set())
