"""A chat template written into a model's folder: whoever reads it there writes the same texts, and stops."""

from __future__ import annotations

import json
from pathlib import Path

import jinja2
import pytest
from transformers import AutoTokenizer

from components.shared.templates import load_chat_template
from components.shared.templates.families import FAMILIES as FAMILY_NAMES
from components.shared.templates.families import OWN
from components.shared.templates.written_template import write_template
from tests.components.shared.templates.test_templates import EXAMPLES, FAMILIES, QUESTION
from tests.components.shared.templates.zoo import save_model, save_tokenizer, turns_of


def test_every_family_is_tested() -> None:
    assert set(FAMILIES) == set(FAMILY_NAMES)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_written_family_is_the_models_own_template_and_writes_the_same(tmp_path: Path, name: str) -> None:
    bos, eos, others, _ = FAMILIES[name]
    save_tokenizer(tmp_path, bos, eos, others, chat_template="{{ messages[0].content }}")
    family = load_chat_template(name, tmp_path)
    write_template(tmp_path, family)
    own = load_chat_template(OWN, tmp_path)
    for one, other in (
        (own.prompt(QUESTION), family.prompt(QUESTION)),
        (own.prompt(QUESTION, EXAMPLES), family.prompt(QUESTION, EXAMPLES)),
        (own.written_response("It is 80."), family.written_response("It is 80.")),
        (own.conversation(QUESTION, "It is 80."), family.conversation(QUESTION, "It is 80.")),
    ):
        assert str(one) == str(other)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_token_that_ends_an_answer_is_the_models_eos(tmp_path: Path, name: str) -> None:
    bos, eos, others, _ = FAMILIES[name]
    save_tokenizer(tmp_path, bos, eos, others)
    (tmp_path / "config.json").write_text('{"eos_token_id": 0, "vocab_size": 7}')
    family = load_chat_template(name, tmp_path)
    write_template(tmp_path, family)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert tokenizer.eos_token == family.response_end
    config = json.loads((tmp_path / "config.json").read_text())
    assert config == {"eos_token_id": tokenizer.eos_token_id, "vocab_size": 7}


def test_a_system_turn_that_the_model_never_saw_is_refused(tmp_path: Path) -> None:
    bos, eos, others, _ = FAMILIES["alpaca"]
    tokenizer = save_tokenizer(tmp_path, bos, eos, others)
    write_template(tmp_path, load_chat_template("alpaca", tmp_path))
    turns = [{"role": "system", "content": "Be brief."}, *turns_of(QUESTION)]
    with pytest.raises(jinja2.TemplateError, match="turns of user and assistant alone"):
        tokenizer.apply_chat_template(
            turns, chat_template=(tmp_path / "chat_template.jinja").read_text(), tokenize=False
        )


def test_an_own_template_stays_and_so_does_an_eos_that_it_writes(tmp_path: Path) -> None:
    for name, eos in (("gemma", "<end_of_turn>"), ("phi3", "<|endoftext|>")):
        save_model(tmp_path / name, name)
        own = load_chat_template(OWN, tmp_path / name)
        write_template(tmp_path / name, own)
        assert load_chat_template(OWN, tmp_path / name) == own
        assert AutoTokenizer.from_pretrained(tmp_path / name).eos_token == eos
