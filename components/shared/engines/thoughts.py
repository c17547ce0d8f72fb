"""What a reasoning model thinks before it replies, told apart from the reply, which alone is judged."""

from __future__ import annotations

import re

# What thoughts stand between: <think> of DeepSeek-R1, Qwen3, QwQ and others, and what other models write instead.
_TAGS = r"think|thinking|thought|thoughts|reasoning|reason|seed:think|longcat_think|budget:thinking"
_OPENING = re.compile(
    rf"<(?:{_TAGS})>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|channel\|>(?:analysis|commentary)<\|message\|>",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"</(?:{_TAGS})>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>"
    r"|(?:<\|end\|>)?<\|start\|>assistant<\|channel\|>final<\|message\|>|<\|channel\|>final<\|message\|>",
    re.IGNORECASE,
)
_AROUND = re.compile(r"<\|begin_of_solution\|>|<\|end_of_solution\|>|<\|return\|>")  # a reply, in such models


def split_thought(text: str) -> tuple[str, str]:
    """Return the thought and the reply of a text; ("", text) for a model that does not think aloud.

    The reply stands behind the last end of a thought. A thought may have no beginning, which the chat template has
    written; one without an end was cut off, and nothing of it is a reply.
    """
    closings = list(_CLOSING.finditer(text))
    before, reply = (text[: closings[-1].start()], text[closings[-1].end() :]) if closings else ("", text)
    opening = _OPENING.search(reply)
    if opening is None and not closings:
        return "", text
    if opening is not None:
        reply, unfinished = reply[: opening.start()], reply[opening.end() :]
        before = f"{before}\n{unfinished}"
    thought = _OPENING.sub("", _CLOSING.sub("\n", before))
    return thought.strip(), _AROUND.sub("", reply).strip()
