"""Engines: text in, text out. A step submits rows without waiting and gets results as they finish."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Generic, Protocol, TypeVar, cast

from components.shared import speaking
from components.shared.config.engines import EngineConfig, EngineKind
from components.shared.errors import NotHereError
from components.shared.filters import KEEP, Verdict
from components.shared.workspace.output_folders import KILLED_THE_ENGINE

L = TypeVar("L")
K = TypeVar("K")  # of the caller, returned unchanged with the result; for the rows of a folder, a RowKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Request(Generic[K]):
    """One prompt, sampled ``num_samples`` times with one prefill."""

    message: str  # the user's message; "" is the bare user prefix: the model writes the message itself
    seed: int  # derived from the step's seed and the row, never from the clock
    key: K = None  # type: ignore[assignment]  # a caller that wants nothing back gives none
    num_samples: int = 1
    examples: tuple[tuple[str, str], ...] = ()  # turns that came before: a user's message, the reply to follow
    reply_start: str = ""  # forced beginning of the reply; a model behind an endpoint cannot be forced
    # Told the text so far, token by token, by an engine that can (vLLM, of one sample); for a person who waits for it.
    heard: Callable[[str], None] | None = None

    def keyed(self, key: L) -> Request[L]:
        """Return the same request with another key."""
        return cast("Request[L]", dataclasses.replace(cast(Any, self), key=key))


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """One sample."""

    text: str  # the whole reply, ``reply_start`` and the stop text included
    # "stop", "ran_on" (into the next turn), "length", "filtered"; "" or "unknown" if not said; or one of UNANSWERED
    finish_reason: str
    num_tokens: int  # end token and thought included
    detail: str = ""  # why nothing was sampled, or what the endpoint says of the end
    thought: str = ""  # of a reasoning model, before the reply: kept apart from it, and never judged


@dataclass(frozen=True, kw_only=True, slots=True)
class Result(Generic[K]):
    """All samples of one request."""

    request: Request[K]
    completions: tuple[Completion, ...]
    num_prompt_tokens: int

    @property
    def key(self) -> K:
        """The key of the request."""
        return self.request.key


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How tokens are drawn; temperature 0 is greedy."""

    temperature: float
    top_p: float = 1.0
    max_tokens: int
    stop: str = ""  # a text that ends a sample, kept at its end; "" is the end token alone, as with an endpoint
    # A sample also ends where the model opens the user's next turn itself, as one does that knows no end token; that
    # opening is left out. Engines that write the chat template can do it; an endpoint ends its samples itself.
    stop_at_next_turn: bool = False
    # A JSON schema that replies have to fit; "" for free text. An engine that can holds the model to it.
    schema: str = ""


class Engine(Protocol):
    """A model that completes prompts."""

    arithmetic: str  # what it computes in, and why; "" if that is not known here

    def generate(self, requests: Iterable[Request[K]], sampling: Sampling) -> Iterator[Result[K]]:
        """Yield each request's completions as soon as they are done, in any order; never waits for a batch.

        Pulls from ``requests`` only as fast as the engine has room, so that they may come from an endless stream. The
        caller may stop early and call it again.
        """

    def close(self) -> None:
        """Release the accelerator or the connection; a second call does nothing."""


# Why a request has no answer: its prompt leaves no room for one; the engine refuses it; the engine, or the whole
# process, crashed at it in every attempt.
UNANSWERED = ("too_long", "refused", KILLED_THE_ENGINE)


def unanswered(request: Request[K], reason: str, detail: str) -> Result[K]:
    """Return the result of a request that has no answer, for one of the reasons UNANSWERED."""
    assert reason in UNANSWERED, reason
    completion = Completion(text="", finish_reason=reason, num_tokens=0, detail=detail)
    return Result(request=request, completions=(completion,) * request.num_samples, num_prompt_tokens=0)


def why_unanswered(completion: Completion, *, cut: str = "length") -> Verdict:
    """Return KEEP for a reply that ended, also where it ran on to the next turn; otherwise why it is rejected.

    ``cut``: the reason if it was cut off.
    """
    match completion.finish_reason:
        case "stop" | "ran_on":
            return KEEP
        case "length":
            return Verdict(cut, f"length after {completion.num_tokens} tokens")
        case "filtered":
            return Verdict("filtered", completion.detail)
        case "":
            return Verdict("no_finish_reason", f"{completion.num_tokens} tokens")
        case "unknown":
            return Verdict("unknown_finish_reason", completion.detail)
    return Verdict(completion.finish_reason, completion.detail)


def check_engine(config: EngineConfig, model: str, sampling: Sampling, num_samples: int = 1) -> None:
    """Raise InputError if ``open_engine`` would; a step calls this before it writes anything.

    Fetches the model, or sends the endpoint a harmless request, in the form of those for rows; loads no weights.
    """
    kind = config.engine_kind
    check_installed(config)
    _leaf(kind).check(config, model, sampling, num_samples)


def open_engine(config: EngineConfig, model: str) -> Engine:
    """Return the engine that the options name, ready to work; InputError if it cannot be opened.

    ``model`` is a model URI for vllm, ``openai:NAME`` for an endpoint; a scripted engine takes any name.
    """
    kind = config.engine_kind
    check_installed(config)
    with speaking.phase(f"loading {model}"):
        engine: Engine = _leaf(kind).open_engine(config, model)
    return engine


def _leaf(kind: EngineKind) -> ModuleType:
    return importlib.import_module(f"{__name__}.{kind.module}")


def check_installed(config: EngineConfig) -> None:
    """Raise NotHereError if this environment lacks the package of the engine that the options name."""
    kind = config.engine_kind
    if kind.package and importlib.util.find_spec(kind.package) is None:
        raise NotHereError(
            f"engine {config.engine!r} needs the package {kind.package!r}, which this environment lacks; "
            f"run it in an environment that has {kind.package}, or pass --engine scripted"
        )
