"""All missing parts of a folder as one stream of requests, so that an engine never waits between two parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from itertools import chain

from components.shared import stopping
from components.shared.engines import Completion, Engine, Request, Result, Sampling
from components.shared.engines._restarted_engine import RestartedEngine
from components.shared.texts.refusal import is_refusal
from components.shared.workspace.output_folders import OutputFolder, Part, RowKey, T


def answer_parts(
    folder: OutputFolder,
    open_model: Callable[[], Engine],
    requests_of: Callable[[Part], Iterable[Request[RowKey[T]]]],
    sampling: Sampling,
) -> Iterator[Result[RowKey[T]]]:
    """Yield the result of each request of each missing part as it finishes; the caller settles it in its part.

    Adds tokens to the part's metrics. Without a missing part, no engine is opened. A request that may have crashed an
    engine comes alone, after all others.
    """
    if not folder.has_work():
        return
    with closing(RestartedEngine[T](open_model, sampling)) as engine:
        # Before any lease is taken: an engine that cannot even start has not crashed over a part.
        folder.arithmetic = engine.start().arithmetic
        while folder.has_work():
            alone: list[Request[RowKey[T]]] = []
            together = _requests(folder.missing_parts(), requests_of, alone)
            for result in chain(engine.answer(together, lost=alone), engine.answer_alone(alone)):
                part = result.key.part
                part.add_to_metric("prompt_tokens", result.num_prompt_tokens)
                part.add_to_metric("output_tokens", sum(completion.num_tokens for completion in result.completions))
                part.watch("cut_off", [reply.finish_reason == "length" for reply in result.completions])
                part.watch("refusals", [_refuses(reply) for reply in result.completions])
                yield result
                stopping.check()


def _refuses(reply: Completion) -> bool:
    return reply.finish_reason in ("refused", "filtered") or is_refusal(reply.text)


def _requests(
    parts: Iterable[Part], requests_of: Callable[[Part], Iterable[Request[RowKey[T]]]], alone: list[Request[RowKey[T]]]
) -> Iterator[Request[RowKey[T]]]:
    """Yield the parts' requests, except those that have to be tried alone, which are added to ``alone``."""
    for part in parts:
        for request in requests_of(part):
            if part.lease.must_be_alone(request.key.index):
                alone.append(request)
            else:
                yield request
