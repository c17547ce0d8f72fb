"""Score the same texts by token budget and one at a time: ``python -m benchmarks.bench_scoring --model DIR``.

``--model`` is a scorer (train_scorer), or any language model: it then gets a head of random numbers, which costs and
differs as a trained one does. Prints a Markdown table, with the largest difference of a score from the one that the
text has by itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import reasoning_gym
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from components.shared.errors import InputError
from components.shared.scoring import Text, check_scorer
from components.shared.scoring.sequence_classifier import SequenceClassifier

# from about 10 to about 200 tokens
GENERATORS = ("simple_equations", "chain_sum", "gsm_symbolic", "simple_geometry")


def main(argv: Sequence[str]) -> None:
    """Score with each budget in turns, and print the table; the fastest of the repeats counts."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_scoring", description=__doc__)
    parser.add_argument("--model", required=True, help="directory of a scorer or of a language model")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--budgets", type=int, nargs="+", default=[2048, 16384])
    options = parser.parse_args(argv)
    texts = some_texts(options.rows)
    with tempfile.TemporaryDirectory() as scratch:
        folder = _as_scorer(Path(options.model), Path(scratch))
        seconds: dict[int, float] = {}
        values: dict[int, list[float]] = {}
        for _ in range(options.repeats):
            for budget in (1, *options.budgets):  # a budget of 1 is one text per batch, as in the published code
                taken, values[budget] = _score(folder, texts, budget)
                seconds[budget] = min(taken, seconds.get(budget, taken))
    _print_table(options.rows, seconds, values)


def some_texts(count: int) -> list[str]:
    """Return questions of mixed lengths, the same each time."""
    each = -(-count // len(GENERATORS))
    sets = [reasoning_gym.create_dataset(name, size=each, seed=0) for name in GENERATORS]
    return [dataset[number]["question"] for number in range(each) for dataset in sets][:count]


def _as_scorer(model: Path, scratch: Path) -> Path:
    try:
        check_scorer(model, "--model", "transformers")
    except InputError:
        torch.manual_seed(0)
        with_head = AutoModelForSequenceClassification.from_pretrained(model, num_labels=1, dtype=torch.bfloat16)
        with_head.save_pretrained(scratch)
        AutoTokenizer.from_pretrained(model).save_pretrained(scratch)
        return scratch
    return model


def _score(folder: Path, texts: Sequence[str], budget: int) -> tuple[float, list[float]]:
    scorer = SequenceClassifier(folder, add_special_tokens=True, max_tokens=0, max_batch_tokens=budget)
    list(scorer.score([Text(key=0, text=texts[0])]))  # the first pass sets kernels up
    started = time.monotonic()
    scores = {s.key: s.value for s in scorer.score(Text(key=number, text=text) for number, text in enumerate(texts))}
    seconds = time.monotonic() - started
    scorer.close()
    return seconds, [float(scores[number] or 0.0) for number in range(len(texts))]


def _print_table(rows: int, seconds: dict[int, float], values: dict[int, list[float]]) -> None:
    lines = ["| batches | rows/s | compared with one at a time | largest difference of a score |", "|---|---|---|---|"]
    for budget, taken in seconds.items():
        difference = max(abs(a - b) for a, b in zip(values[budget], values[1], strict=True))
        name = "one text at a time (published code)" if budget == 1 else f"token budget {budget}"
        speed = f"{rows / taken:.2f} | {seconds[1] / taken:.2f}x"
        lines.append(f"| {name} | {speed} | {'' if budget == 1 else f'{difference:.1e}'} |")
    spread = max(values[1]) - min(values[1])
    device = "GPU" if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    lines += ["", f"{rows} texts, {device}; the scores differ from text to text by up to {spread:.2f}."]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
