"""What was done so that a dataset holds no benchmark's question, gathered from the manifests of its folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from components.shared.workspace.lineage import Stage

STEP, JUDGE = "decontaminate", "judge_paraphrases"


@dataclass(frozen=True, kw_only=True)
class ComparedBenchmark:
    """A benchmark whose questions were looked for."""

    name: str
    num_questions: int
    num_copied: int  # rows that were rejected because of them
    num_reworded: int


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What was looked for by which rules, how much of what is planted these find, and what was removed."""

    benchmarks: Sequence[ComparedBenchmark]
    is_reworded: bool  # whether questions in other words were looked for, too
    recall_of_copies: float
    recall_of_rewordings: float
    num_judged: int = 0  # questions that a judge saw beside a benchmark's; 0 where none was asked
    num_paraphrases: int = 0  # of these, those that it took for one of them


def certificate_of(stages: Sequence[Stage]) -> Certificate | None:
    """Return what the folders of decontaminate say; None if there is none. Of several, the weakest rule is told."""
    found = [stage.manifest for stage in stages if stage.step == STEP]
    if not found:
        return None
    judged = [stage.manifest for stage in stages if stage.step == JUDGE]
    figures: dict[str, Counter[str]] = {kind: Counter() for kind in ("benchmark_questions", "copied", "reworded")}
    for manifest in found:
        for key, value in manifest.metrics.items():
            kind, _, name = key.partition(": ")
            if kind == "benchmark_questions":
                figures[kind][name] = max(figures[kind][name], int(value))
            elif kind in figures:
                figures[kind][name] += int(value)
    return Certificate(
        benchmarks=[
            ComparedBenchmark(
                name=name,
                num_questions=number,
                num_copied=figures["copied"][name],
                num_reworded=figures["reworded"][name],
            )
            for name, number in sorted(figures["benchmark_questions"].items())
        ],
        is_reworded=all(manifest.options.get("near_duplicates", True) for manifest in found),
        recall_of_copies=min(manifest.metrics.get("recall: copy", 0.0) for manifest in found),
        recall_of_rewordings=min(manifest.metrics.get("recall: rewording", 0.0) for manifest in found),
        num_judged=sum(each.rows_in - int(each.metrics.get("not_asked", 0)) for each in judged),
        num_paraphrases=sum(each.rejected.get("paraphrase", 0) for each in judged),
    )
