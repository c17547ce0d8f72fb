"""Time ways of feeding vLLM, on the same inputs in one run: ``python -m benchmarks.bench_generation --model DIR``.

Prints one Markdown table a comparison. Each way runs ``--repeats`` times, in turns with the others, and the fastest
counts: a machine that is shared only ever makes things slower.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from vllm import SamplingParams
from vllm.inputs import tokens_input
from vllm.sampling_params import RequestOutputKind

from components.generate_questions import step
from components.shared.engines import Request, Result, Sampling
from components.shared.engines.vllm_engine import VllmEngine
from components.shared.seeds import derive_seed
from components.shared.templates import load_chat_template
from components.shared.texts.prompts import SOLVE, fill_prompt, load_prompt
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest

STORY = (
    "A farmer has {n} rows of apple trees with 12 trees in each row. Every tree bears 85 apples. He sells a quarter "
)
STORY += "of them on Monday and half of what is left on Tuesday. How many apples does he have left on Wednesday?"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Timing:
    """What one way of doing the work took."""

    rows: int
    tokens: int
    seconds: float


Way = Callable[[], Timing]


class KeptEngine:
    """An engine that a step's end leaves open for the next measurement."""

    def __init__(self, engine: VllmEngine) -> None:
        self._engine = engine
        self.arithmetic = engine.arithmetic

    def generate(self, requests: Iterable[Request], sampling: Sampling) -> Iterator[Result]:
        return self._engine.generate(requests, sampling)

    def close(self) -> None:
        """Stay open."""


def main(argv: Sequence[str]) -> None:
    """Run the three comparisons and print their tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_generation", description=__doc__)
    parser.add_argument("--model", required=True, help="directory of a chat model")
    parser.add_argument("--chat-template", default="smollm2")
    parser.add_argument("--rows", type=int, default=128, help="sampled questions; a quarter of it asked questions")
    parser.add_argument("--max-tokens", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args(argv)
    started = time.monotonic()
    engine = VllmEngine(Path(options.model), load_chat_template(options.chat_template, Path(options.model)))
    _print(f"Engine ready after {time.monotonic() - started:.1f} s, imports not included.\n")
    _drive(engine, [(engine.encode(_bare(0)), _params(8, seed=1))] * 8)  # warms caches and kernels up
    rows, max_tokens = options.rows, options.max_tokens
    _compare("feeding", options.repeats, feeding_ways(engine, options.model, rows, max_tokens))
    _compare("samples", options.repeats, sample_ways(engine, rows // 4, max_tokens // 4))
    _compare("seeds", options.repeats, seed_ways(engine, rows, max_tokens // 2))
    engine.close()


def feeding_ways(engine: VllmEngine, model: str, rows: int, max_tokens: int) -> dict[str, Way]:
    """Feed without a pause and with durable parts; everything at once; batches with a barrier after each."""
    work = [(engine.encode(_bare(row)), _params(max_tokens, seed=_bare(row).seed)) for row in range(rows)]

    def through_the_step() -> Timing:
        with tempfile.TemporaryDirectory() as folder:
            config = step.GenerateQuestionsConfig(
                workspace=folder, model=model, generator="bench", num_questions=rows, rows_per_part=rows // 8,
                max_tokens=max_tokens,
            )  # fmt: skip
            started = time.monotonic()
            asking = step.asking_for(config)
            rows_folder = asking.begin(Workspace(folder).open(config), step.slices_of(config))
            manifest = read_manifest(asking.answer(rows_folder, step.blanks, lambda: KeptEngine(engine)))
            seconds = time.monotonic() - started
            return Timing(rows=rows, tokens=int(manifest.metrics["output_tokens"]), seconds=seconds)

    batches = [work[start : start + rows // 4] for start in range(0, rows, rows // 4)]
    return {
        "the step: no pause, 8 durable parts": through_the_step,
        "all requests at once, output at the end (`LLM.generate`)": lambda: _drive(engine, work),
        "4 batches, a barrier after each (published code)": lambda: _sum([_drive(engine, batch) for batch in batches]),
    }


def sample_ways(engine: VllmEngine, questions: int, max_tokens: int, num_samples: int = 4) -> dict[str, Way]:
    """Ask for several samples of a question in one request, or as rows of their own."""
    prompt, numbers = load_prompt(SOLVE), count(10)

    def work(per_request: int, skip_cache: bool) -> Timing:
        requests = []
        for seed in range(questions):
            # Numbers of its own each time: what an earlier way computed is of no use to this one.
            story = f"{next(numbers)} farmers meet. {STORY.format(n=seed + 3)}"
            message = fill_prompt(prompt, question=story)
            token_ids = engine.encode(Request(key=None, message=message, seed=seed))
            params = _params(max_tokens, seed=seed * num_samples, num_samples=per_request, skip_cache=skip_cache)
            requests += [(token_ids, params)] * (num_samples // per_request)
        return _drive(engine, requests)

    return {
        f"{num_samples} samples in one request": lambda: work(num_samples, False),
        f"{num_samples} rows, prefix cache": lambda: work(1, False),
        f"{num_samples} rows, no prefix cache (published code)": lambda: work(1, True),
    }


def seed_ways(engine: VllmEngine, rows: int, max_tokens: int) -> dict[str, Way]:
    """Give each request a seed of its own, or none; every sample has the same length."""
    token_ids = engine.encode(_bare(0))

    def work(seeded: bool) -> Timing:
        return _drive(
            engine, [(token_ids, _params(max_tokens, seed=row if seeded else None, exact=True)) for row in range(rows)]
        )

    return {"one seed per request": lambda: work(True), "no seeds": lambda: work(False)}


def _bare(row: int) -> Request:
    return Request(key=row, message="", seed=derive_seed(0, "generate_questions", row))


def _params(
    max_tokens: int, *, seed: int | None, num_samples: int = 1, skip_cache: bool = False, exact: bool = False
) -> SamplingParams:
    return SamplingParams(
        n=num_samples, temperature=1.0, top_p=0.99, max_tokens=max_tokens, min_tokens=max_tokens if exact else 0,
        seed=seed, skip_reading_prefix_cache=skip_cache, output_kind=RequestOutputKind.FINAL_ONLY,
    )  # fmt: skip


def _drive(engine: VllmEngine, work: Sequence[tuple[list[int], SamplingParams]]) -> Timing:
    """Add everything, then step until all is done: the loop of ``LLM.generate``."""
    llm = engine.llm
    started = time.monotonic()
    for number, (token_ids, params) in enumerate(work):
        llm.add_request(str(number), tokens_input(token_ids), params)
    rows = tokens = 0
    while llm.has_unfinished_requests():
        for output in llm.step():
            rows += len(output.outputs)
            tokens += sum(len(sample.token_ids) for sample in output.outputs)
    return Timing(rows=rows, tokens=tokens, seconds=time.monotonic() - started)


def _sum(timings: Sequence[Timing]) -> Timing:
    return Timing(
        rows=sum(timing.rows for timing in timings),
        tokens=sum(timing.tokens for timing in timings),
        seconds=sum(timing.seconds for timing in timings),
    )


def _compare(title: str, repeats: int, ways: dict[str, Way]) -> None:
    runs = [{name: way() for name, way in ways.items()} for _ in range(repeats)]
    _print(f"| {title} | rows | tokens | seconds | rows/s | tokens/s |\n|---|---|---|---|---|---|")
    for name in ways:
        best = min((run[name] for run in runs), key=lambda timing: timing.seconds)
        rates = f"{best.rows / best.seconds:.2f} | {best.tokens / best.seconds:.0f}"
        _print(f"| {name} | {best.rows} | {best.tokens} | {best.seconds:.1f} | {rates} |")
    _print("")


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
