"""A chat template written into a model's folder, so that whoever asks the model finds there what it was trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from components.shared.models.tokenizers import load_tokenizer
from components.shared.templates import ChatTemplate
from components.shared.templates.families import OWN

# Turns of user and assistant, as ChatTemplate.prompt and ChatTemplate.conversation write them.
_JINJA = (
    "{%% for message in messages %%}"
    "{%% if message['role'] not in ('user', 'assistant') %%}"
    "{{ raise_exception('this model was trained on turns of user and assistant alone') }}"
    "{%% elif message['role'] == 'user' %%}"
    "{%% if loop.first %%}{{ %(opening)s }}{%% endif %%}{{ message['content'] | trim }}"
    "{%% else %%}"
    "{{ %(answer)s }}{{ message['content'] | trim }}"
    "{%% if loop.last %%}{{ %(closing)s }}{%% else %%}{{ %(next)s }}{%% endif %%}"
    "{%% endif %%}{%% endfor %%}"
    "{%% if add_generation_prompt %%}{{ %(prompt)s }}{%% endif %%}"
)


def write_template(folder: Path, template: ChatTemplate) -> None:
    """Make a template the own one of the model in ``folder``, and the token that ends an answer its EOS."""
    source = jinja_of(template)
    if template.name != OWN:
        (folder / "chat_template.jinja").write_text(source, encoding="utf-8")
        _update(folder / "tokenizer_config.json", without="chat_template")
    elif _mentions_eos(folder):  # it would write another token from then on; generation_config.json has the end anyway
        return
    _update(folder / "tokenizer_config.json", eos_token=template.response_end)
    _update(folder / "special_tokens_map.json", eos_token=template.response_end)
    number = load_tokenizer(folder).convert_tokens_to_ids(template.response_end)
    _update(folder / "config.json", eos_token_id=number)


def jinja_of(template: ChatTemplate) -> str:
    """Return a family as a chat template in Jinja; it writes control tokens by name, whatever BOS and EOS are."""
    return _JINJA % {
        "opening": _literal(template.bare_prefix + template.question_start),
        "prompt": _literal(template.answer_prefix),
        "answer": _literal(template.earlier_answer),
        "next": _literal(template.next_turn),
        "closing": _literal(template.closing),
    }


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _mentions_eos(folder: Path) -> bool:
    return "eos_token" in str(load_tokenizer(folder).chat_template)


def _update(path: Path, *, without: str = "", **values: Any) -> None:
    """Change the fields of a JSON file, if it is there."""
    if not path.exists():
        return
    content = json.loads(path.read_text(encoding="utf-8"))
    content.pop(without, None)
    path.write_text(json.dumps(content | values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
