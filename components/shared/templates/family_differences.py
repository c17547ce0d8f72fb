"""A chat family compared with the model's own chat template: where they write different tokens."""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from components.shared.errors import InputError
from components.shared.models.tokenizers import load_tokenizer
from components.shared.templates import ChatTemplate
from components.shared.templates.families import OWN
from components.shared.templates.marked_text import MarkedText
from components.shared.templates.own_template import own_chat_template
from components.shared.templates.text_encoder import TextEncoder

QUESTION, ANSWER = "What is 2 + 2?", "It is 4."
MAX_TOKENS_SHOWN = 12

logger = logging.getLogger(__name__)


@cache  # once for each process, however often it loads the family
def show_differences(family: ChatTemplate, model_folder: Path) -> None:
    """Log where the family writes other tokens than the model's own chat template, if it does."""
    try:
        lines = differences(family, own_chat_template(model_folder), model_folder)
    except InputError as error:
        logger.info("--chat-template %s stands in for the model's own chat template: %s", family.name, error)
        return
    if lines:
        logger.warning(
            "--chat-template %s is not what the model in %s was trained on: its own chat template differs, and "
            "--chat-template %s uses that one. The differences, token by token:\n  %s",
            family.name, model_folder, OWN, "\n  ".join(lines),
        )  # fmt: skip


def differences(family: ChatTemplate, own: ChatTemplate, model_folder: Path) -> list[str]:
    """Return a line for each run of tokens in which the two differ; none if they are the same."""
    encoder, tokenizer = TextEncoder(model_folder), load_tokenizer(model_folder)
    tokens: list[list[list[str]]] = [
        [tokenizer.convert_ids_to_tokens(encoder.ids(text)) for text in _texts(template)] for template in (own, family)
    ]
    names = ("a question's prefix", "a prompt", "a conversation that is scored")
    found = [
        line
        for name, ours, theirs in zip(names, *tokens, strict=True)
        for line in _stretches(name, [*map(_readable, ours)], [*map(_readable, theirs)])
    ]
    ends = ((own.question_end, family.question_end, "question"), (own.response_end, family.response_end, "response"))
    return found + [f"the end of a {what}: own {one!r}, family {other!r}" for one, other, what in ends if one != other]


def _texts(template: ChatTemplate) -> tuple[MarkedText, ...]:
    return template.prompt(""), template.prompt(QUESTION), template.conversation(QUESTION, ANSWER)


def _stretches(name: str, own: list[str], family: list[str]) -> Iterator[str]:
    """Yield the differences of two lists of tokens, with their positions in the model's own one, from 1."""
    for kind, start, stop, other_start, other_stop in difflib.SequenceMatcher(None, own, family, False).get_opcodes():
        if kind != "equal":
            yield (
                f"{name}, token {start + 1} of {len(own)}: own {_shown(own[start:stop])}, "
                f"family {_shown(family[other_start:other_stop])}"
            )


def _readable(token: str) -> str:
    """Return a token with plain spaces and line ends, for which vocabularies use other characters."""
    return token.replace("Ġ", " ").replace("▁", " ").replace("Ċ", "\n")


def _shown(tokens: list[str]) -> str:
    rest = f" … and {len(tokens) - MAX_TOKENS_SHOWN} more" if len(tokens) > MAX_TOKENS_SHOWN else ""
    return (" ".join(map(repr, tokens[:MAX_TOKENS_SHOWN])) or "nothing") + rest
