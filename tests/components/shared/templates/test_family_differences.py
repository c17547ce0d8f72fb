"""A family beside a model's own chat template: what differs is shown token by token, what is the same is not."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from components.shared.templates import load_chat_template, load_family
from components.shared.templates.families import OWN
from components.shared.templates.family_differences import differences
from tests.components.shared.templates.test_templates import FAMILIES
from tests.components.shared.templates.zoo import chatml, save_model, save_tokenizer

# The cases of a family that is not the model's own: model, family, what has to be shown.
DIFFERENT = {
    "mistral_v3": ("mistral", ["a prompt, token", "own nothing, family ' '", "own '[/INST]', family '</s>'"]),
    "qwen2_5": ("qwen2_math", ["a question's prefix, token", "'Q' 'w' 'e' 'n'", "family"]),
    "qwen2_math": ("chatml", ["a question's prefix, token 1", "<|im_start|>", "family nothing"]),
    "llama3_1": ("llama3", ["a conversation that is scored, token 2 of 120", "'s' 'y' 's' 't' 'e' 'm'", "and 62 more"]),
}  # fmt: skip


def lines_of(folder: Path, family: str) -> str:
    return "\n".join(differences(load_family(family, folder), load_chat_template(OWN, folder), folder))


@pytest.mark.parametrize("model", DIFFERENT)
def test_a_family_that_differs_is_shown_token_by_token(tmp_path: Path, model: str) -> None:
    save_model(tmp_path, model)
    family, shown = DIFFERENT[model]
    lines = lines_of(tmp_path, family)
    assert all(part in lines for part in shown), lines


def test_where_a_score_is_read_is_shown(tmp_path: Path) -> None:
    save_tokenizer(tmp_path, "", "<|im_end|>", ("<|im_start|>",), chatml())
    assert lines_of(tmp_path, "chatml") == r"a conversation that is scored, token 43 of 43: own '\n', family nothing"


def test_a_prompt_that_opens_a_thought_is_shown(tmp_path: Path) -> None:
    save_tokenizer(tmp_path, "", "<|im_end|>", ("<|im_start|>",), chatml(opening="<think>\\n"))
    assert "a prompt, token" in lines_of(tmp_path, "chatml")


@pytest.mark.parametrize("family", ["deepseek_math", "llama3", "mistral"])
def test_a_family_that_is_the_models_own_template_is_not_mentioned(
    tmp_path: Path, family: str, caplog: pytest.LogCaptureFixture
) -> None:
    save_tokenizer(tmp_path, *FAMILIES[family])
    load_chat_template(family, tmp_path)
    assert not caplog.records


def test_the_log_shows_the_differences_once_and_names_the_own_template(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_model(tmp_path, "qwen2_math")
    for _ in range(2):
        load_chat_template("chatml", tmp_path)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "--chat-template chatml is not what the model in" in record.message
    assert "--chat-template own uses that one" in record.message


def test_a_family_may_stand_in_for_a_template_that_cannot_be_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_tokenizer(tmp_path, "", "<|im_end|>", ("<|im_start|>",), "{{ raise_exception('a system text first') }}")
    with caplog.at_level(logging.INFO):
        assert load_chat_template("chatml", tmp_path).name == "chatml"
    assert "--chat-template chatml stands in for the model's own chat template" in caplog.text
