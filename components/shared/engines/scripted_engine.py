"""Replies by rule instead of a model, for tests and for a run of seconds: real code behind the same protocol.

The first rule that fits counts: the bare prefix (no message) gets a question; a message that asks for a verdict line
or whether something holds gets a judgement, one that asks for a question between tags a rewrite, any other a solution
with a boxed answer.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from components.shared.config.engines import EngineConfig
from components.shared.engines import Completion, K, Request, Result, Sampling
from components.shared.engines._scripted_replies import Draws, judge, judge_stage, rewrite, solve, write_question
from components.shared.seeds import derive_seed

Reply = Callable[[str, Draws], tuple[str, str]]  # message and draws to text and finish_reason

RULES: tuple[tuple[Callable[[str], bool], Reply], ...] = (
    (lambda message: not message, write_question),
    (lambda message: "Verdict:" in message, judge),
    (lambda message: "in JSON." in message, judge_stage),
    (lambda message: "<question>" in message, rewrite),
    (lambda _: True, solve),
)
IN_FLIGHT = 8  # requests pulled ahead; results leave in another order than requests came, as a real engine's do


def check(config: EngineConfig, model: str, sampling: Sampling, num_samples: int) -> None:
    """Accept any model."""


def open_engine(config: EngineConfig, model: str) -> ScriptedEngine:
    """Return the script under the name of a model: another name gives other replies."""
    return ScriptedEngine(model)


class ScriptedEngine:
    """An engine whose replies depend on model name, message, seed, sample and temperature alone."""

    arithmetic = ""

    def __init__(self, model: str) -> None:
        # The last name of a folder is its fingerprint: the same model in any workspace gives the same replies.
        self._model = posixpath.basename(model.rstrip("/"))

    def generate(self, requests: Iterable[Request[K]], sampling: Sampling) -> Iterator[Result[K]]:
        """Yield each request's completions, in an order of its own."""
        source = iter(requests)
        waiting = list(islice(source, IN_FLIGHT))
        while waiting:
            yield self._answer(waiting.pop(derive_seed(waiting[0].seed) % len(waiting)), sampling)
            waiting += islice(source, IN_FLIGHT - len(waiting))

    def close(self) -> None:
        """Do nothing: there is nothing to release."""

    def _answer(self, request: Request[K], sampling: Sampling) -> Result[K]:
        completions = tuple(self._sample(request, sample, sampling) for sample in range(request.num_samples))
        turns = [text for example in request.examples for text in example]
        num_prompt_tokens = sum(len(text.split()) for text in (*turns, request.message)) + 1
        return Result(request=request, completions=completions, num_prompt_tokens=num_prompt_tokens)

    def _sample(self, request: Request[K], sample: int, sampling: Sampling) -> Completion:
        chance = (request.seed + sample,) if sampling.temperature else ()  # greedy: all samples are the same
        draws = Draws(names=(self._model, request.message, *chance))
        reply = next(reply for fits, reply in RULES if fits(request.message))
        text, finish_reason = reply(request.message, draws)
        text = request.reply_start + text.removeprefix(request.reply_start)
        if sampling.stop and sampling.stop in text:
            text, finish_reason = text.partition(sampling.stop)[0] + sampling.stop, "stop"
        words = text.split(" ")
        if len(words) >= sampling.max_tokens:  # a word is a token here, and the end is one more
            text, finish_reason = " ".join(words[: sampling.max_tokens]), "length"
        num_tokens = min(len(words) + (finish_reason == "stop"), sampling.max_tokens)
        return Completion(text=text, finish_reason=finish_reason, num_tokens=num_tokens)
