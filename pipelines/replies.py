"""Replies of a model, printed in the order in which they were asked for; on a terminal, token by token."""

from __future__ import annotations

import json
import re
import sys
from typing import TextIO

from components.shared.engines import UNANSWERED, Completion
from components.shared.texts.math_answers import extract_final_answer
from pipelines.reporting import visible

# What JSON leaves as it is and a terminal obeys; all of it stands inside of strings, where an escape means the same.
_UNSAFE = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff]")


class Replies:
    """Prints questions, or answers to one; a reply waits until those before it are whole."""

    def __init__(self, output: TextIO, question: str | None, *, number: int, as_json: bool) -> None:
        self.is_live = output.isatty() and not as_json  # whether it can make use of ``heard``
        self._output = output
        self._question = question
        self._is_numbered = number > 1 and not as_json
        self._as_json = as_json
        self._turn = 0  # the reply that is being printed
        self._printed = ""  # of it
        self._heard: dict[int, str] = {}
        self._whole: dict[int, Completion] = {}

    def heard(self, number: int, text: str) -> None:
        """Print what is new in the text of a reply so far, if it is its turn."""
        self._heard[number] = text
        if number == self._turn:
            self._print(text)

    def finished(self, number: int, completion: Completion) -> None:
        """Print a whole reply, and others that waited for it."""
        self._whole[number] = completion
        while (whole := self._whole.pop(self._turn, None)) is not None:
            self._end(whole)
            self._turn += 1
            self._printed = ""
        if self._turn in self._heard:
            self._print(self._heard[self._turn])

    def _end(self, completion: Completion) -> None:
        if self._as_json:
            self._write(f"{self._json(completion)}\n")
        elif completion.finish_reason not in UNANSWERED:
            self._print(completion.text)
            self._write("\n")
        if completion.finish_reason == "length":
            which = f"reply {self._turn + 1}" if self._is_numbered else "the reply"
            sys.stderr.write(f"{which} is cut off after {completion.num_tokens} tokens; --max-tokens gives it more\n")

    def _print(self, text: str) -> None:
        """Print what is new in a reply; nothing where what was heard of it (a thought) is no part of it."""
        shown = text.strip()
        if shown and not self._printed and self._is_numbered:
            self._write(f"{self._turn + 1}. ")
        if shown.startswith(self._printed):
            self._write(visible(shown[len(self._printed) :]))
            self._printed = shown

    def _json(self, completion: Completion) -> str:
        text = completion.text.strip()
        said = {"finish_reason": completion.finish_reason, "num_tokens": completion.num_tokens}
        if self._question is None:
            fields: dict[str, object] = {"question": text, **said}
        else:
            final_answer = extract_final_answer(text)
            fields = {"question": self._question, "response": text, "final_answer": final_answer, **said}
            fields |= {"thought": completion.thought}
        return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(fields, ensure_ascii=False))

    def _write(self, text: str) -> None:
        self._output.write(text)
        self._output.flush()
