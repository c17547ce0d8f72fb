"""Servers' answers as samples: other words for "stop", content in parts, separate thoughts, streams of events."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.shared.engines import Completion
from components.shared.engines.thoughts import split_thought
from components.shared.passing import PassingError
from components.shared.redaction import excerpt

# One table of finish reasons: letters alone, in lower case, so that END_TURN, end-turn and endTurn are one.
_WORDS = {
    "stop": """
        stop stopped stopsequence stopstring stopword word eos eostoken eosreached eot eotid end ended endturn endofturn
        endoftext endofsequence endofmessage finish finished finishreasonstop complete completed completion done success
        normal natural naturalstop""",
    "length": """
        stoppedlimit stoplimit stoplength
        length lengthcapped lengthlimit maxtokens maxtoken maxtokensreached maxlength maxoutputtokens maxnewtokens
        maxcompletiontokens modellength modelcontextwindowexceeded contextwindowexceeded contextlength contextlimit
        contextlengthexceeded tokenlimit tokenlimitreached truncated incomplete limit finishreasonmaxtokens""",
    "filtered": """
        contentfilter contentfiltered contentpolicy contentpolicyviolation filtered filter safety finishreasonsafety
        imagesafety recitation blocklist blocked spii prohibitedcontent refusal refused sensitive guardrail guardrails
        guardrailintervened moderation moderated errortoxic language""",
    "error": """
        error failed failure fail abort aborted cancel cancelled canceled timeout interrupted networkerror servererror
        internalerror engineerror modelerror overloaded engineoverloaded insufficientsystemresource""",
}
# The token that ended a text, such as </s> or <|im_end|>; and other names for that, such as hit_eos or stop_token_id.
_END_TOKEN = re.compile(r"^<.*(?:/s|end|eo[st]|stop).*>$")
_STOP = re.compile(
    r"^(?!no|without|miss|.*not).*(?:eos|eot|imend|endof|stop(?:ped)?(?:by|on|at)?(?:token|word|str|seq|id))"
)
MOST_TOKENS = 2**31  # a greater number is garbled
_ENDS = {word: ending for ending, words in _WORDS.items() for word in words.split()}


def ending(word: object) -> str:
    """Return "stop", "length", "filtered" or "error" for a finish reason, "" for none, otherwise "unknown"."""
    if word is None or word == "":
        return ""
    text = str(word).lower()
    letters = re.sub(r"[^a-z]", "", text)
    return _ENDS.get(letters) or ("stop" if _END_TOKEN.search(text) or _STOP.search(letters) else "unknown")


@contextlib.contextmanager
def _well_formed() -> Iterator[None]:
    """Raise PassingError for a reply that does not follow the protocol: it may have been garbled on its way."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        what = excerpt(str(error), 100)
        raise PassingError(f"the reply is not as the protocol has it: {type(error).__name__}: {what}") from error


@_well_formed()
def completions_of(reply: Mapping[str, Any], num_wanted: int) -> list[Completion]:
    """Return the samples of a reply; PassingError if it has none, or one that failed."""
    choices = [choice for choice in _list(reply.get("choices")) if isinstance(choice, dict)][:num_wanted]
    if not choices:
        raise PassingError(f"the reply has no choices: {excerpt(json.dumps(reply), 200)}")
    for choice in choices:
        if ending(choice.get("finish_reason")) == "error" or choice.get("error"):
            raise PassingError(f"a sample failed: {excerpt(json.dumps(choice.get('error') or choice), 200)}")
    # The protocol counts the tokens of all choices together: their sum is right, and each one's share is even.
    share, rest = divmod(usage_of(reply, "completion_tokens"), len(choices))
    return [_completion(choice, share + (number < rest)) for number, choice in enumerate(choices)]


def usage_of(reply: Mapping[str, Any], name: str) -> int:
    """Return a number of tokens that the reply states, 0 if it does not."""
    usage = reply.get("usage")
    number = usage.get(name) if isinstance(usage, dict) else None
    return int(number) if isinstance(number, int | float) and 0 < number < MOST_TOKENS else 0


def error_of(reply: Mapping[str, Any]) -> Any:
    """Return the error that a reply has instead of samples, or of the rest of one; None if there is none."""
    choices = _list(reply.get("choices"))
    if choices and all(isinstance(choice, dict) and choice.get("finish_reason") for choice in choices):
        return None
    if reply.get("object") == "error":
        return dict(reply)
    error = reply.get("error") or reply.get("errors")
    return error if error or choices else reply.get("base_resp")


@_well_formed()
def from_events(text: str) -> dict[str, Any]:
    """Join a stream of events into a reply; PassingError if it ends before its samples do."""
    choices: dict[int, dict[str, Any]] = {}
    whole: dict[str, Any] = {}
    done = False
    for name, data in _events(text):
        if data == "[DONE]":
            done = True
            continue
        try:
            chunk = json.loads(data)
        except ValueError as error:
            raise PassingError(f"an event is not JSON: {excerpt(data, 100)!r}") from error
        if name == "error":
            chunk = chunk if isinstance(chunk, dict) and "error" in chunk else {"error": chunk}
        if not isinstance(chunk, dict):
            continue
        whole |= {name: value for name, value in chunk.items() if name != "choices" and value is not None}
        for choice in _list(chunk.get("choices")):
            _add(choices.setdefault(int(choice.get("index") or 0), {"message": {}}), choice)
    whole["choices"] = [choices[index] for index in sorted(choices)]
    is_whole = done or all(choice.get("finish_reason") for choice in choices.values())
    if choices and not is_whole and error_of(whole) is None:
        raise PassingError("the stream of events was cut off")
    return whole


def is_event_stream(content_type: str, text: str) -> bool:
    """Tell whether a body is a stream of events, asked for or not."""
    return "event-stream" in content_type or re.match(r"\s*(?:data|event|id|retry): ?\S|\s*:[^\n]*\n", text) is not None


def _events(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the data of each event."""
    for event in re.split(r"\r?\n\r?\n|\r\r", text):
        lines = [line[5:].removeprefix(" ") for line in event.splitlines() if line.startswith("data:")]
        names = [line[6:].strip() for line in event.splitlines() if line.startswith("event:")]
        if lines:
            yield names[-1] if names else "", "\n".join(lines)


def _add(choice: dict[str, Any], piece: Mapping[str, Any]) -> None:
    delta = piece.get("delta") or piece.get("message") or {}
    message = choice["message"]
    for name, value in delta.items() if isinstance(delta, dict) else ():
        if isinstance(value, str) and name != "role":
            message[name] = message.get(name, "") + value
        elif isinstance(value, list):
            message[name] = [*message.get(name, []), *value]
    if piece.get("finish_reason"):
        choice["finish_reason"] = piece["finish_reason"]
    if piece.get("error"):
        choice["error"] = piece["error"]


def _completion(choice: Mapping[str, Any], num_tokens: int) -> Completion:
    message = choice.get("message") or choice.get("delta") or {}
    message = message if isinstance(message, dict) else {"content": message}
    texts, thoughts = _parts(message.get("content") if "content" in message else choice.get("text"))
    thought, text = split_thought("".join(texts))
    given = [message.get(name) for name in ("reasoning_content", "reasoning", "thinking")]
    told = next((said for said in (_joined(each) for each in given) if said), "")
    thought = "\n".join(part for part in (told, *thoughts, thought) if part)
    word = choice.get("finish_reason")
    end, detail = ending(word), ""
    if isinstance(refusal := message.get("refusal"), str) and refusal and not text:
        end, detail = "filtered", excerpt(refusal, 300)
    elif end == "unknown" or (end == "filtered" and str(word) != "filtered"):
        detail = f"the endpoint ended it with {excerpt(str(word), 100)!r}"
    return Completion(text=text, thought=thought, finish_reason=end, num_tokens=num_tokens, detail=detail)


def _parts(content: object) -> tuple[list[str], list[str]]:
    """Return the texts and the thoughts in a content: a text, a part with a text, or a list of both."""
    if isinstance(content, str):
        return [content], []
    if isinstance(content, list):
        pairs = [_parts(part) for part in content]
        return [text for texts, _ in pairs for text in texts], [said for _, thoughts in pairs for said in thoughts]
    if not isinstance(content, dict):
        return [], []
    kind = str(content.get("type", ""))
    if re.search("think|reason|thought", kind) or content.get("thought") is True:
        inner = next(
            (content[name] for name in ("thinking", "reasoning", "text", "summary", "content") if content.get(name)), ""
        )
        return [], [_joined(inner)]
    inner = next(
        (content[name] for name in ("text", "value", "content", "parts", "output_text") if content.get(name)), ""
    )
    return _parts(inner)


def _joined(content: object) -> str:
    texts, thoughts = _parts(content)
    return "".join((*texts, *thoughts))


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
