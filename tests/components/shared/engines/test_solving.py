from __future__ import annotations

from typing import Any

import pytest

from components.generate_responses.config import GenerateResponsesConfig
from components.measure_fail_rate.config import MeasureFailRateConfig
from components.shared.config.engines import SolverConfig
from components.shared.engines.solving import SolverPrompt, sampling_of
from components.shared.errors import InputError
from components.shared.records import Question

GIVEN: dict[str, Any] = {"workspace": "w", "questions": "q", "model": "m"}
CONFIGS = [GenerateResponsesConfig, MeasureFailRateConfig]


def question(number: int) -> Question:
    return Question(id=f"q{number}", question=f"What is {number} + 1?", source="given")


@pytest.mark.parametrize("config", CONFIGS)
def test_all_samples_of_a_question_are_one_request(config: type[SolverConfig]) -> None:
    request = SolverPrompt(config(**GIVEN, num_samples=7, num_examples=2)).request(question(3))
    assert (request.num_samples, len(request.examples)) == (7, 2)
    assert "What is 3 + 1?" in request.message


def test_seeds_differ_from_row_to_row_from_seed_to_seed_and_from_step_to_step() -> None:
    configs = [config(**GIVEN, seed=seed) for config in CONFIGS for seed in (0, 1)]
    seeds = {SolverPrompt(config).request(question(number)).seed for config in configs for number in (1, 2)}
    assert len(seeds) == 8


@pytest.mark.parametrize("config", CONFIGS)
def test_several_samples_that_would_be_the_same_are_refused(config: type[SolverConfig]) -> None:
    with pytest.raises(InputError, match="--temperature 0 makes all --num-samples"):
        config(**GIVEN, temperature=0)
    assert sampling_of(config(**GIVEN, temperature=0, num_samples=1)).temperature == 0
