from __future__ import annotations

import pytest

from components.import_model.config import ImportModelConfig
from components.shared.config.engines import EngineConfig
from components.shared.config.gates import FIGURES, Gate, read_gates
from components.shared.config.training import TrainingConfig
from components.shared.errors import InputError
from components.steps import config_of, step_names

WRITING_QUESTIONS = {
    "decontaminate",
    "deduplicate",
    "filter_language",
    "filter_solvability",
    "generate_questions",
    "import_questions",
    "judge_paraphrases",
    "sample_difficulty",
    "score_difficulty",
}


def test_gates_stand_in_one_text_with_semicolons_or_on_lines() -> None:
    lines = "filter_solvability kept>=.05 warn\n\n generate_responses cut_off<=0.3 stop\n"
    assert read_gates(f"generate_questions duplicates <= 0.5; {lines}") == (
        Gate(step="generate_questions", figure="duplicates", sign="<=", bound=0.5, action="stop"),
        Gate(step="filter_solvability", figure="kept", sign=">=", bound=0.05, action="warn"),
        Gate(step="generate_responses", figure="cut_off", sign="<=", bound=0.3, action="stop"),
    )


@pytest.mark.parametrize("text", ["", " ", ";\n;"])
def test_no_text_is_no_gate(text: str) -> None:
    assert read_gates(text) == ()


def test_a_gate_is_written_as_it_is_read() -> None:
    assert [gate.text for gate in read_gates("a kept<=0.50")] == ["a kept <= 0.5 stop"]


@pytest.mark.parametrize(
    "text",
    [
        "generate_questions duplicates",
        "generate_questions repeats <= 0.5",
        "generate_questions kept = 0.5",
        "generate_questions kept <= 1.5",
        "generate_questions kept <= 0",
        "generate_questions kept >= 1.0",
        "generate_questions kept <= 0.5 shout",
        "a kept <= 0.5, b kept <= 0.5",
    ],
)
def test_what_is_no_gate_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(InputError, match=r"gates: .* is no gate; expected STEP FIGURE <= BOUND") as refused:
        read_gates(f"x kept <= 0.5; {text}")
    assert all(figure in str(refused.value) for figure in FIGURES)


def test_each_figure_is_that_of_the_steps_that_make_what_it_is_of() -> None:
    configs = {step: config_of(step) for step in step_names()}
    steps_with = {figure: {step for step, config in configs.items() if figure in config.WATCHED} for figure in FIGURES}
    asking = {step for step, config in configs.items() if issubclass(config, EngineConfig)}
    with_rows = {step for step, config in configs.items() if not issubclass(config, TrainingConfig | ImportModelConfig)}
    assert steps_with["cut_off"] == steps_with["refusals"] == asking
    assert steps_with["kept"] == with_rows
    assert steps_with["duplicates"] == steps_with["diversity"] == WRITING_QUESTIONS
    assert steps_with["agreement"] == {"select_responses"}
    for config in configs.values():
        assert len(set(config.WATCHED) & FIGURES.keys()) == len(config.WATCHED)
