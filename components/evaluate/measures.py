"""The figures of an evaluation: sums over its questions, and what the manifest shows of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean

from components.shared.intervals import wilson_interval
from components.shared.records import Evaluation

NAMED = ("not_compared", "no_answer", "cut_off")  # verdicts that are counted apart; they all count as wrong


def pass_at_k(num_samples: int, num_right: int, k: int) -> float:
    """Return the chance that one of ``k`` samples is right, without bias (Chen et al. 2021, arXiv 2107.03374)."""
    return 1 - math.comb(num_samples - num_right, k) / math.comb(num_samples, k)


def majority_of(votes: Sequence[tuple[int, bool]]) -> float:
    """Return the share of right votes in the largest group; of several equally large ones, their mean; 0 without votes.

    ``votes``: the group of each sample that has an answer, and whether it is right.
    """
    groups: dict[int, list[bool]] = {}
    for group, right in votes:
        groups.setdefault(group, []).append(right)
    most = max(map(len, groups.values()), default=0)
    return fmean([fmean(group) for group in groups.values() if len(group) == most]) if groups else 0.0


def sizes_of_pass(num_samples: int) -> list[int]:
    """Return every k for which pass@k is shown: 2, 4, 8, … and the number of samples; pass@1 is the accuracy."""
    return sorted({2**power for power in range(1, num_samples.bit_length())} | {num_samples}) if num_samples > 1 else []


def sums_of(row: Evaluation) -> dict[str, float]:
    """Return what a question adds to the sums; of several samples, it is right by the share of them."""
    num_samples, num_right = len(row.verdicts), row.verdicts.count("right")
    named = {f"num_{verdict}": row.verdicts.count(verdict) for verdict in NAMED}
    sums = {
        "num_questions": 1,
        "num_correct": num_right / num_samples,
        "num_correct_leniently": (num_right + sum(row.right_unboxed)) / num_samples,
        **named,
        "num_unanswered": num_samples - num_right - row.verdicts.count("wrong") - sum(named.values()),
        "num_ran_on": row.finish_reasons.count("ran_on"),
        **{f"pass_at_{k}": pass_at_k(num_samples, num_right, k) for k in sizes_of_pass(num_samples)},
    }
    return sums if row.majority is None else sums | {"majority": row.majority}


def figures_of(sums: Mapping[str, float], num_samples: int) -> dict[str, float]:
    """Return accuracy, interval and shares from the sums over all questions.

    Of several samples, a question counts with the share that is right; the interval is that of one sample a question,
    which is no narrower than theirs.
    """
    num_questions = int(sums.get("num_questions", 0))
    if not num_questions:
        return {"num_questions": 0}
    low, high = wilson_interval(sums["num_correct"], num_questions)
    means = [f"pass_at_{k}" for k in sizes_of_pass(num_samples)] + (["majority"] if num_samples > 1 else [])
    shares = (*NAMED, "unanswered", "ran_on")
    return {
        "accuracy": sums["num_correct"] / num_questions,
        "accuracy_low": low,
        "accuracy_high": high,
        "accuracy_lenient": sums["num_correct_leniently"] / num_questions,
        **{f"share_{name}": sums[f"num_{name}"] / (num_questions * num_samples) for name in shares},
        **{name: sums[name] / num_questions for name in means},
    }
