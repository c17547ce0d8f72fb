"""The thoughts of a reasoning model, separated from its reply; only the reply is judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

# What encloses thoughts: <think> of DeepSeek-R1, Qwen3, QwQ and others, and what other models write instead:
# Magistral, Kimi, Sky-T1, Command A, Gemma 4, gpt-oss.
_TAGS = r"think|thinking|thought|thoughts|reasoning|reason|seed:think|longcat_think|mm:think|budget:thinking"
_OPENING = re.compile(
    rf"<(?:{_TAGS})>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|START_THINKING\|>|<\|channel>(?:thought\n)?"
    r"|(?:(?:<\|end\|>)?<\|start\|>assistant)?<\|channel\|>(?:analysis|commentary)<\|message\|>",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"</(?:{_TAGS})>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|END_THINKING\|>|<channel\|>"
    r"|(?:<\|end\|>)?<\|start\|>assistant<\|channel\|>final<\|message\|>|<\|channel\|>final<\|message\|>",
    re.IGNORECASE,
)
_AROUND = re.compile(  # a reply, in such models
    r"<\|begin_of_solution\|>|<\|end_of_solution\|>|<\|START_RESPONSE\|>|<\|END_RESPONSE\|>|<\|return\|>"
)

# A token that the text omits, and the number of characters before it.
HiddenToken = tuple[int, str]
_Erasure = tuple[int, int, str]  # from, to, and the replacement


def split_thought(text: str, hidden: Sequence[HiddenToken] = ()) -> tuple[str, str]:
    """Return the thought and the reply of a text; ("", text) for a model that does not think aloud.

    The reply follows the last end of a thought. A thought may have no beginning, if the chat template has written it.
    One without an end was cut off, and nothing of it is a reply. ``hidden`` tokens, in their order, mark thoughts as
    texts do, and are part of neither.
    """
    shown, erased = _with_hidden(text, hidden)
    closings, openings = list(_CLOSING.finditer(shown)), list(_OPENING.finditer(shown))
    if not closings and not openings:
        return "", text
    thought_end, start = closings[-1].span() if closings else (0, 0)
    end, unfinished = next((mark.span() for mark in openings if mark.start() >= start), (len(shown), len(shown)))
    around = [(*mark.span(), "") for mark in _AROUND.finditer(shown)]
    reply = _without(shown, start, end, [*erased, *around])
    marks = [*erased, *((*mark.span(), "") for mark in openings), *((*mark.span(), "\n") for mark in closings)]
    thoughts = (_without(shown, 0, thought_end, marks), _without(shown, unfinished, len(shown), marks))
    return "\n".join(thoughts).strip(), reply.strip()


def open_thought(prompt: str) -> str:
    """Return the tag of a thought that the prompt opens and the model continues; "" if there is none."""
    _, _, behind = _CLOSING.sub("\0", prompt).rpartition("\0")
    openings = _OPENING.findall(behind)
    return str(openings[-1]) if openings else ""


def hidden_tokens(
    ids: Iterable[int], special: Mapping[int, str], decode: Callable[[list[int]], str], *, before: Sequence[int] = ()
) -> list[HiddenToken]:
    """Return the positions of a sample's special tokens in its text, which omits them.

    ``before`` are the prompt's tokens: the text continues them, so that its first word keeps the space before it.
    """
    hidden, position, run = [], 0, [token for token in before if token not in special][-1:]
    num_known = len(run)  # tokens of the run before the position
    for token in ids:
        if token not in special:
            run.append(token)
            continue
        position += len(decode(run)) - len(decode(run[:num_known]))
        hidden.append((position, special[token]))
        run = run[-1:]
        num_known = len(run)
    return hidden


def _with_hidden(text: str, hidden: Sequence[HiddenToken]) -> tuple[str, list[_Erasure]]:
    """Return a text with its hidden tokens, and their positions."""
    pieces, erased, at, length = [], [], 0, 0
    for position, token in hidden:
        pieces += [text[at:position], token]
        length += len(pieces[-2])
        erased.append((length, length + len(token), ""))
        length += len(token)
        at = max(at, position)
    return "".join((*pieces, text[at:])), erased


def _without(text: str, start: int, end: int, erased: Iterable[_Erasure]) -> str:
    """Return a piece of a text without the erased spans; of two that begin together, the longer one counts."""
    pieces, at = [], start
    for first, last, instead in sorted(erased, key=lambda erasure: (erasure[0], -erasure[1])):
        if at <= first and last <= end:
            pieces += [text[at:first], instead]
            at = last
    return "".join((*pieces, text[at:end]))
