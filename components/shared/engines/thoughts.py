"""The thoughts of a reasoning model, separated from its reply; only the reply is judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

# What encloses thoughts: <think> of DeepSeek-R1, Qwen3, QwQ and others, and what other models write instead:
# Magistral, Kimi, Sky-T1, Command A, PLaMo, Apriel, Gemma 4; gpt-oss, Muse and Inkling, in messages of their own.
_TAGS = (
    r"think|thinking|thought|thoughts|reasoning|reason|seed:think|longcat_think|mm:think|budget:thinking"
    r"|think:[^\s>]+|ifm\|think(?:_fast|_faster)?"
)
_NEXT = r"(?:<\|end\|>|<\|eom\|>|<\|end_message\|>)?(?:<\|start\|>assistant|<\|message_model\|>)?"
_FORM = r"[^<]*(?:<\|constrain\|>[^<]*)?"  # of a message of gpt-oss: for whom it is, JSON
_OPENING = re.compile(
    rf"<(?:{_TAGS})>|\[THINK\]|◁think▷|<\|begin_of_thought\|>|<\|START_THINKING\|>|<\|channel>(?:thought\n)?"
    r"|<\|open\|>\s*think\s*<\|sep\|>|<\|plamo:begin_think:plamo\|>"
    rf"|{_NEXT}(?:<\|channel\|>(?:analysis|commentary){_FORM}<\|message\|>| ?to=self<\|message\|>)"
    rf"|{_NEXT}<\|content_thinking\|>",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    rf"</(?:{_TAGS})>|\[/THINK\]|◁/think▷|<\|end_of_thought\|>|<\|END_THINKING\|>|<channel\|>"
    r"|<\|close\|>\s*think\s*<\|sep\|>|<\|plamo:end_think:plamo\|>|\[BEGIN FINAL RESPONSE\]"
    rf"|{_NEXT}(?:<\|channel\|>final{_FORM}<\|message\|>| ?to=user<\|message\|>|<\|content_text\|>)",
    re.IGNORECASE,
)
_AROUND = re.compile(  # a reply, in such models
    r"<\|(?:begin|end)_of_(?:solution|box)\|>|<\|(?:START|END)_(?:RESPONSE|TEXT)\|>|<\|return\|>|<\|end_message\|>"
    r"|<\|content_model_end_sampling\|>|<\|(?:open|close)\|>\s*(?:response|message)\s*<\|sep\|>|\[END FINAL RESPONSE\]"
)
_WHOLE = re.compile(r"<(answer|response|output)>(.*)</\1>", re.IGNORECASE | re.DOTALL)  # a reply behind a thought
# In plain words: gpt-oss behind a server that omits its tokens; Granite 3, if it came to its response.
_SPOKEN_OPENING = re.compile(
    r"\s*(?:analysis(?=[A-Z0-9])|Here(?:'s| is) my thought process:(?=.*Here(?:'s| is) my response:))", re.DOTALL
)
_SPOKEN_CLOSING = re.compile(r"assistantfinal|Here(?:'s| is) my response:")

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
    closings, openings, around = (list(form.finditer(shown)) for form in (_CLOSING, _OPENING, _AROUND))
    if spoken := _SPOKEN_OPENING.match(shown):
        openings = [spoken, *openings]
        closings = sorted([*closings, *_SPOKEN_CLOSING.finditer(shown)], key=re.Match.start)
    if not closings and not openings and not around:
        return "", text
    thought_end, start = closings[-1].span() if closings else (0, 0)
    end, unfinished = next((mark.span() for mark in openings if mark.start() >= start), (len(shown), len(shown)))
    reply = _without(shown, start, end, [*erased, *((*mark.span(), "") for mark in around)]).strip()
    if closings and (whole := _WHOLE.fullmatch(reply)):
        reply = whole[2].strip()
    marks = [*erased, *((*mark.span(), "") for mark in openings), *((*mark.span(), "\n") for mark in closings)]
    thoughts = (_without(shown, 0, thought_end, marks), _without(shown, unfinished, len(shown), marks))
    return "\n".join(thoughts).strip(), reply


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
