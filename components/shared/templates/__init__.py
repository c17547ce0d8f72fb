"""Chat templates: the text around a question and around an answer.

The default is the model's own chat template (``own_template``), with which it was trained. A family, which is a YAML
file here, is for a model that has none, or that was trained with another one. Both become a ``ChatTemplate``, whose
texts contain every special token, BOS included. In a family's file, ``{bos}`` and ``{eos}`` are those of the model's
own tokenizer ("" for a tokenizer without BOS).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.shared.errors import InputError
from components.shared.templates.families import CHAT_TEMPLATES, FAMILIES, OWN, template_file
from components.shared.templates.marked_text import MarkedText, of_row, of_template


@dataclass(frozen=True, kw_only=True)
class ChatTemplate:
    """How one model's conversations are written."""

    name: str
    bare_prefix: str  # all that stands before the user's message: BOS, system text, the opening of the user's turn
    question_start: str  # what opens the message itself: a space in families that put one before its first word
    question_tail: str  # white space between a written question and its end
    question_end: str  # the one token that ends a written question, in training and in generation
    answer_prefix: str  # from the end of the message to the answer, the own end of the user's turn included
    response_start: str | None  # what opens the answer itself, as question_start does; None: no answer follows at once
    response_tail: str  # white space between an answer and its end
    response_end: str  # the one token that ends an answer
    earlier_answer: str  # from a message to the answer in an earlier turn
    next_turn: str  # from that answer to the next message, both not included
    told_answer: str  # from the last message to its answer in a whole conversation
    closing: str  # what stands behind that answer

    @property
    def turn_opening(self) -> str:
        """The text by which a model that does not end its answer opens the user's next turn; "" if there is none.

        A heading (``### Instruction:``) counts at the start of a line only, for an answer may use its words; a mark in
        brackets (``[INST]``) counts anywhere. What opens with a control token is no text, and never found in one.
        """
        opening = self.next_turn.removeprefix(self.response_tail + self.response_end).strip()
        is_heading = opening and opening[0] not in "[<"
        return f"\n{opening}" if is_heading else opening

    def prompt(self, message: str, examples: Sequence[tuple[str, str]] = ()) -> MarkedText:
        """Return the text that a model continues with its answer; for "" the bare prefix, continued with a question.

        ``examples`` are earlier turns: a message and the answer to it. White space around a message is dropped, as most
        chat templates do.
        """
        if not message:
            return of_template(self.bare_prefix)
        text = of_template(self.bare_prefix + self.question_start)
        for asked, answer in examples:
            text += of_row(asked.strip()) + of_template(self.earlier_answer)
            text += of_row(answer.strip()) + of_template(self.next_turn)
        return text + of_row(message.strip()) + of_template(self.answer_prefix)

    def written_question(self, question: str) -> MarkedText:
        """Return what a question generator is trained to write after ``bare_prefix``, with one end token."""
        opening, closing = of_template(self.question_start), of_template(self.question_tail + self.question_end)
        return opening + of_row(question.strip()) + closing

    def written_response(self, response: str) -> MarkedText:
        """Return what a solver is trained to write after ``prompt(question)``, with one end token.

        Raises InputError for a template whose prompt opens a thought that no whole conversation has (QwQ, R1).
        """
        if self.response_start is None:
            raise InputError(
                f"--chat-template {self.name}: a prompt of this chat template ends in {self.answer_prefix!r}, and its "
                f"conversations have {self.told_answer!r} there: responses cannot be used for training as they "
                f"are; use a family that fits the model ({', '.join(FAMILIES)})"
            )
        opening, closing = of_template(self.response_start), of_template(self.response_tail + self.response_end)
        return opening + of_row(response.strip()) + closing

    def conversation(self, message: str, response: str) -> MarkedText:
        """Return a whole conversation, as a reward model reads it: up to the end that its template writes."""
        opening = of_template(self.bare_prefix + self.question_start) + of_row(message.strip())
        return opening + of_template(self.told_answer) + of_row(response.strip()) + of_template(self.closing)


def load_chat_template(name: str, model_folder: Path) -> ChatTemplate:
    """Return the chat template ``name`` for the model in ``model_folder``: its own one, or a family.

    A family that writes other tokens than the model's own template is used, and the log shows the differences.
    Raises InputError for an unknown family, for a tokenizer that lacks a family's BOS, EOS or end tokens, and for an
    own template that is missing or cannot be used.
    """
    if name not in CHAT_TEMPLATES:
        raise InputError(
            f"--chat-template {name!r} is not a chat family; expected {OWN} (the model's own chat template), "
            f"or one of {', '.join(FAMILIES)}"
        )
    if name == OWN:
        from components.shared.templates.own_template import own_chat_template

        return own_chat_template(model_folder)
    family = load_family(name, model_folder)
    if has_own_template(model_folder):
        from components.shared.templates.family_differences import show_differences

        show_differences(family, model_folder)
    return family


def load_family(name: str, model_folder: Path) -> ChatTemplate:
    """Return the family ``name`` with the BOS and EOS of the tokenizer in ``model_folder``."""
    texts: dict[str, str] = yaml.safe_load(template_file(name).read_text(encoding="utf-8"))
    special = {key: special_token(model_folder, key) for key in ("bos", "eos")}
    if not special["eos"] and any("{eos}" in text for text in texts.values()):
        raise InputError(_lacks(name, model_folder, "names no eos_token"))
    filled = {
        field: text.replace("{bos}", special["bos"]).replace("{eos}", special["eos"]) for field, text in texts.items()
    }
    tokens = _whole_tokens(model_folder)
    for field in ("question_end", "response_end"):
        if filled[field] not in tokens:
            raise InputError(_lacks(name, model_folder, f"has no single token {filled[field]!r} ({field})"))
    answer = filled["answer_prefix"] + filled["response_start"]
    filled["next_turn"] = filled["response_end"] + filled["next_turn"] + filled["question_start"]
    rest = {"response_tail": "", "earlier_answer": answer, "told_answer": answer, "closing": filled["response_end"]}
    return ChatTemplate(name=name, **filled, **rest)


def has_own_template(model_folder: Path) -> bool:
    """Tell whether a model has a chat template of its own."""
    if (model_folder / "chat_template.jinja").exists() or template_of_processor(model_folder):
        return True
    return bool(_read(model_folder / "tokenizer_config.json").get("chat_template"))


def template_of_processor(model_folder: Path) -> str:
    """Return a chat template in the file of older processors, which no tokenizer reads; "" if there is none."""
    return str(_read(model_folder / "chat_template.json").get("chat_template", ""))


def special_token(folder: Path, key: str) -> str:
    """Return the tokenizer's ``bos_token`` or ``eos_token``; "" if it has none."""
    for file_name in ("tokenizer_config.json", "special_tokens_map.json"):
        token = _read(folder / file_name).get(f"{key}_token")
        if token:
            return str(token["content"] if isinstance(token, dict) else token)
    return ""


def _lacks(name: str, folder: Path, lack: str) -> str:
    return (
        f"--chat-template {name!r} does not fit the model in {folder}: its tokenizer {lack}; take --chat-template "
        f"{OWN}, the model's own chat template, or the model's family ({', '.join(FAMILIES)})"
    )


def _whole_tokens(folder: Path) -> set[str]:
    """Return the tokens that the tokenizer never splits: those added beside its vocabulary of pieces."""
    added = _read(folder / "tokenizer.json").get("added_tokens", [])
    declared = _read(folder / "tokenizer_config.json").get("added_tokens_decoder", {}).values()
    return {token["content"] for token in (*added, *declared)}


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return content
