"""The paper's figures (ScaleQuest, arXiv 2410.18693 v2, Table 1): made by another program (DART-Math's evaluation).

A score belongs to the program that made it: one such program scored a solver at 50.1 on College Math, another at 46.0.
So these figures stand beside ours and are never subtracted from them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedBenchmark:
    """One of the four benchmarks of the paper, with what it prints for each of MODELS."""

    num_questions: int
    percent_right: tuple[float, ...]


MODELS = (
    "ScaleQuest-Mistral-7B",
    "ScaleQuest-Llama3-8B",
    "ScaleQuest-DeepSeekMath-7B",
    "ScaleQuest-Qwen2-Math-7B",
    "Qwen2-Math-7B-Instruct (their teacher)",
)
# By the name of the questions' source, lower-case letters and digits only.
BENCHMARKS = {
    "gsm8k": PublishedBenchmark(num_questions=1319, percent_right=(88.5, 87.9, 89.5, 89.7, 89.5)),
    "math": PublishedBenchmark(num_questions=5000, percent_right=(62.9, 64.4, 66.6, 73.4, 73.1)),
    "collegemath": PublishedBenchmark(num_questions=2818, percent_right=(43.5, 42.8, 47.7, 50.0, 50.5)),
    "olympiadbench": PublishedBenchmark(num_questions=675, percent_right=(26.8, 25.3, 29.9, 38.5, 37.8)),
}


def published(benchmark: str) -> PublishedBenchmark | None:
    """Return what the paper prints for a benchmark, however its name is spelt; None where it is none of the four."""
    return BENCHMARKS.get(re.sub(r"[^a-z0-9]", "", benchmark.lower()))
