"""The chat template that a model brings with it: rendered, taken apart, and refused where that cannot be done."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.errors import InputError
from components.shared.templates import ChatTemplate, load_chat_template
from components.shared.templates.families import OWN
from components.shared.templates.own_template import TODAY
from tests.components.shared.templates.zoo import MODELS, A, Q, chatml, save_model, save_tokenizer, shipped, turns_of

EXAMPLES = (("What is 1 + 1?", "2"), ("Solve $3x = 12$.\n\nShow each step.", "Divide by 3:\n\n$x = 4$"))
# What a template may do to messages, and no model of ours may be used with: it would be no text of a row any more.
CHANGING = {
    "upper case": "{% for m in messages %}{{ m.content | upper }}{{ eos_token }}{% endfor %}",
    "escaped": "{% for m in messages %}{{ m.content | tojson }}{{ eos_token }}{% endfor %}",
    "twice": "{% for m in messages %}{{ m.content ~ m.content }}{{ eos_token }}{% endfor %}",
    "left out": "{% for m in messages %}{{ eos_token }}{% endfor %}",
    "line ends": "{% for m in messages %}{{ m.content | replace('\\n', ' ') }}{{ eos_token }}{% endfor %}",
    "numbered turns": "{% for m in messages %}{{ loop.index ~ m.content ~ eos_token }}{% endfor %}",
}
# transformers' sandbox holds what a template may do; what it cannot do is a message, not a traceback.
BROKEN = {
    "system text asked for": "{% if messages[0].role == 'user' %}{{ raise_exception('system first') }}{% endif %}",
    "no Jinja": "{% for m in messages %}{{ m.content }}",
    "an unknown name": "{{ messages[0].tools.names }}",
    "code": "{{ messages.__class__.__mro__[1].__subclasses__() }}",
}


def own(folder: Path, name: str) -> ChatTemplate:
    save_model(folder, name)
    return load_chat_template(OWN, folder)


@pytest.mark.parametrize("name", MODELS)
def test_the_bare_prefix_and_the_end_of_a_question_are_derived(tmp_path: Path, name: str) -> None:
    template, model = own(tmp_path, name), MODELS[name]
    assert str(template.prompt("")) == template.bare_prefix == model.prefix
    assert template.question_end == model.question_end
    space = "" if model.prompt.startswith(model.prefix + Q) else " "
    assert str(template.written_question(Q)) == f"{space}{Q}{model.question_end}"


@pytest.mark.parametrize("name", MODELS)
def test_prompt_conversation_and_response_are_those_of_the_model(tmp_path: Path, name: str) -> None:
    template, model = own(tmp_path, name), MODELS[name]
    assert str(template.prompt(Q)) == model.prompt
    assert str(template.conversation(Q, A)) == model.conversation
    assert str(template.written_response(A)) == model.response
    assert model.conversation.startswith(model.prompt + model.response)


@pytest.mark.parametrize("name", MODELS)
def test_earlier_turns_are_written_as_the_models_template_writes_them(tmp_path: Path, name: str) -> None:
    tokenizer, template = save_model(tmp_path, name), load_chat_template(OWN, tmp_path)
    turns = turns_of(*EXAMPLES[0], *EXAMPLES[1], Q)
    expected = tokenizer.apply_chat_template(
        turns, tokenize=False, add_generation_prompt=True, strftime_now=TODAY.strftime
    )
    assert str(template.prompt(Q, EXAMPLES)) == expected


def test_any_message_is_put_in_as_the_models_template_puts_it_in(tmp_path: Path) -> None:
    tokenizers = {name: save_model(tmp_path / name, name) for name in MODELS}
    templates = {name: load_chat_template(OWN, tmp_path / name) for name in MODELS}

    @given(st.sampled_from(sorted(MODELS)), st.text(min_size=1), st.text())
    def holds(name: str, question: str, answer: str) -> None:
        question, answer = question.strip() or "Q", answer.replace("</think>", "").strip()
        for turns, ours in (
            ((question,), templates[name].prompt(question)),
            ((question, answer), templates[name].conversation(question, answer)),
        ):
            theirs = tokenizers[name].apply_chat_template(
                turns_of(*turns), tokenize=False, add_generation_prompt=len(turns) == 1, strftime_now=TODAY.strftime
            )
            assert str(ours) == theirs

    holds()


def test_a_template_that_asks_for_the_date_gets_the_same_one_on_any_day(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert "July 26, 2024" in own(tmp_path, "granite").bare_prefix
    assert "writes today's date: it gets 2024-07-26 always" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        assert "Today Date: 26 Jul 2024" in own(tmp_path / "llama", "llama3_1").bare_prefix
    assert "today's date" not in caplog.text  # this one writes the date by itself


def test_a_prompt_that_opens_a_thought_is_the_models_own_and_no_response_is_trained_after_it(tmp_path: Path) -> None:
    save_tokenizer(tmp_path, "", "<|im_end|>", ("<|im_start|>",), chatml(opening="<think>\\n"))
    template = load_chat_template(OWN, tmp_path)
    assert str(template.prompt(Q)).endswith("<|im_start|>assistant\n<think>\n")
    assert str(template.conversation(Q, A)).endswith(f"<|im_start|>assistant\n{A}<|im_end|>\n")
    assert str(template.written_question(Q)) == f"{Q}<|im_end|>"
    with pytest.raises(InputError, match="responses cannot be used for training as they are; use a family"):
        template.written_response(A)


def test_a_control_token_that_is_not_marked_as_special_ends_a_question_too(tmp_path: Path) -> None:
    tokens = ("<｜User｜>", "<｜Assistant｜>")
    save_tokenizer(tmp_path, "<bos>", "<｜end▁of▁sentence｜>", tokens, shipped("deepseek_r1_distill"))
    template = load_chat_template(OWN, tmp_path)
    assert (template.bare_prefix, template.question_end) == ("<bos><｜User｜>", "<｜Assistant｜>")


@pytest.mark.parametrize("how", CHANGING)
def test_a_template_that_changes_messages_is_refused(tmp_path: Path, how: str) -> None:
    save_tokenizer(tmp_path, "", "<eos>", (), CHANGING[how])
    with pytest.raises(
        InputError, match=r"of the model in .* (writes a message \d times|changes messages).*use a family"
    ):
        load_chat_template(OWN, tmp_path)


@pytest.mark.parametrize("how", BROKEN)
def test_a_template_that_cannot_be_run_is_refused_in_one_message(tmp_path: Path, how: str) -> None:
    save_tokenizer(tmp_path, "", "<eos>", (), BROKEN[how])
    with pytest.raises(InputError, match="cannot write a conversation of 1 turns without a system text"):
        load_chat_template(OWN, tmp_path)


def test_a_model_without_a_chat_template_is_told_of_the_families(tmp_path: Path) -> None:
    save_tokenizer(tmp_path, "", "<eos>")
    with pytest.raises(InputError, match=r"has no chat template of its own: .*chatml or deepseek_math"):
        load_chat_template(OWN, tmp_path)


def test_a_template_in_the_file_of_a_processor_is_the_models_own(tmp_path: Path) -> None:
    tokenizer = save_model(tmp_path / "given", "gemma")
    source, tokenizer.chat_template = tokenizer.chat_template, None
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "chat_template.json").write_text(json.dumps({"chat_template": source}), encoding="utf-8")
    assert load_chat_template(OWN, tmp_path) == load_chat_template(OWN, tmp_path / "given")


def test_the_default_one_of_several_templates_is_taken(tmp_path: Path) -> None:
    tokenizer = save_model(tmp_path, "gemma")
    tokenizer.chat_template = {"tool_use": "{{ raise_exception('not this one') }}", "default": tokenizer.chat_template}
    tokenizer.save_pretrained(tmp_path)
    assert load_chat_template(OWN, tmp_path).bare_prefix == MODELS["gemma"].prefix


def test_a_model_that_ends_no_message_is_refused(tmp_path: Path) -> None:
    save_tokenizer(tmp_path, "<bos>", "", (), "{% for m in messages %}{{ m.role ~ m.content }}{% endfor %}")
    with pytest.raises(InputError, match="ends a message with no token of its own"):
        load_chat_template(OWN, tmp_path)
