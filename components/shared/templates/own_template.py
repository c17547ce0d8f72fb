"""The model's own chat template (Jinja, run in transformers' sandbox), as a ``ChatTemplate``.

It is rendered with placeholders for messages; the text around them is the template. So no text of a row ever passes
through Jinja, and none can change what it does. That works for templates that insert messages unchanged: each template
is tried with awkward messages, and refused if it changes them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import jinja2

from components.shared.errors import InputError
from components.shared.models.tokenizers import load_tokenizer
from components.shared.templates import ChatTemplate, template_of_processor
from components.shared.templates.families import FAMILIES, OWN

# The date for templates that write today's, so that the same rows give the same tokens on any day. Llama 3.1 to 3.3
# write this one by default.
TODAY = date(2024, 7, 26)

# Placeholders: one word of letters, which means nothing to a template.
QUESTION, ANSWER = "QuestionStandInQzv", "AnswerStandInQzv"
EARLIER = tuple((f"Earlier{QUESTION}{number}", f"Earlier{ANSWER}{number}") for number in ("One", "Two"))
# Awkward messages; a template that changes one of them cannot be used.
AWKWARD = (
    'What is $\\frac{1}{2}$ of {{ x }} {% if y %}?\n\n  "Ünits" & <b>9 < 10</b>  \\n 数学 {0} %s',
    "It's **4.5** [or] \\boxed{4.50}\t(see #3)\r\n- A: B\n\n\nC | D &lt; E ~ 'F'",
)

logger = logging.getLogger(__name__)


class Renderer:
    """A model's own chat template, ready to write conversations."""

    def __init__(self, model_folder: Path) -> None:
        self.folder = model_folder
        self.tokenizer = load_tokenizer(model_folder)
        self.asked_the_date = False
        self.source = self._read_source()

    def render(self, turns: Sequence[str], *, is_whole: bool = False) -> str:
        """Return a conversation of user and assistant in turn, as text.

        It ends where the answer to its last message begins, unless the answer is included.
        """
        messages = [
            {"role": "assistant" if number % 2 else "user", "content": text} for number, text in enumerate(turns)
        ]
        try:
            text = self.tokenizer.apply_chat_template(
                messages,
                chat_template=self.source,
                tokenize=False,
                add_generation_prompt=not is_whole,
                strftime_now=self._strftime_now,
            )
        except (jinja2.TemplateError, TypeError, ValueError, KeyError, AttributeError, IndexError) as error:
            what = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
            raise self.refusal(
                f"cannot write a conversation of {len(turns)} turns without a system text ({what})"
            ) from error
        return str(text)

    def refusal(self, why: str) -> InputError:
        """Return the error for a template that cannot be used."""
        return InputError(
            f"--chat-template {OWN}: the chat template of the model in {self.folder} {why}; use a "
            f"family that writes what the model was trained on ({', '.join(FAMILIES)})"
        )

    def _strftime_now(self, form: str) -> str:
        self.asked_the_date = True
        return TODAY.strftime(form)

    def _read_source(self) -> str:
        try:
            if self.tokenizer.chat_template:
                return str(self.tokenizer.get_chat_template())  # the default one of several
        except ValueError as error:
            raise self.refusal(f"has no default among its several templates ({error})") from error
        if source := template_of_processor(self.folder):
            return source
        raise InputError(
            f"the model in {self.folder} has no chat template of its own: it is a base model, or its template is "
            f"missing; name the family that it was trained on: --chat-template {' or '.join(FAMILIES)}"
        )


def own_chat_template(model_folder: Path) -> ChatTemplate:
    """Return the model's own chat template; InputError if there is none, or it cannot be used."""
    renderer = Renderer(model_folder)
    template = _derive(renderer)
    _try(renderer, template)
    if renderer.asked_the_date:
        logger.info("the chat template in %s writes today's date: it gets %s always", model_folder, TODAY)
    return template


def _derive(renderer: Renderer) -> ChatTemplate:
    before, answer_prefix = _around(renderer, renderer.render([QUESTION]), QUESTION)
    _, told = _around(renderer, renderer.render([QUESTION, ANSWER], is_whole=True), QUESTION)
    told_answer, closing = _around(renderer, told, ANSWER)
    _, rest = _around(renderer, renderer.render([*EARLIER[0], QUESTION]), EARLIER[0][0])
    earlier_answer, rest = _around(renderer, rest, EARLIER[0][1])
    next_turn, _ = _around(renderer, rest, QUESTION)
    bare_prefix = before.rstrip(" ")  # spaces belong to the next word; otherwise the prefix would end with a lone space
    question_tail, question_end = _end(renderer, answer_prefix)
    response_tail, response_end = _end(renderer, closing)
    return ChatTemplate(
        name=OWN,
        bare_prefix=bare_prefix,
        question_start=before[len(bare_prefix) :],
        question_tail=question_tail,
        question_end=question_end,
        answer_prefix=answer_prefix,
        response_start=told_answer.removeprefix(answer_prefix) if told_answer.startswith(answer_prefix) else None,
        response_tail=response_tail,
        response_end=response_end,
        earlier_answer=earlier_answer,
        next_turn=next_turn,
        told_answer=told_answer,
        closing=closing,
    )


def _around(renderer: Renderer, text: str, stand_in: str) -> tuple[str, str]:
    if text.count(stand_in) != 1:
        raise renderer.refusal(f"writes a message {text.count(stand_in)} times")
    before, _, after = text.partition(stand_in)
    return before, after


def _end(renderer: Renderer, behind: str) -> tuple[str, str]:
    """Return how a message ends: white space, then the control token that the template writes, otherwise EOS."""
    tokens = {token.content for token in renderer.tokenizer.added_tokens_decoder.values() if token.content.strip()}
    tail = behind[: len(behind) - len(behind.lstrip())]
    if found := [token for token in tokens if behind.startswith(token, len(tail))]:
        return tail, max(found, key=len)
    if not renderer.tokenizer.eos_token:
        raise renderer.refusal("ends a message with no token of its own, and the tokenizer names no eos_token")
    return "", str(renderer.tokenizer.eos_token)


def _try(renderer: Renderer, template: ChatTemplate) -> None:
    """Raise InputError if the template treats awkward messages differently from the placeholders."""
    question, answer = AWKWARD
    tries = (
        ([question], False, template.prompt(question)),
        ([question, answer], True, template.conversation(question, answer)),
        ([question, answer, *EARLIER[1], question], False, template.prompt(question, [(question, answer), EARLIER[1]])),
    )
    for turns, is_whole, expected in tries:
        text = renderer.render(turns, is_whole=is_whole)
        if text != str(expected):
            at = next((n for n, (a, b) in enumerate(zip(text, str(expected), strict=False)) if a != b), 0)
            raise renderer.refusal(f"changes messages, or turns by their number: {text[max(at - 20, 0) : at + 40]!r}")
