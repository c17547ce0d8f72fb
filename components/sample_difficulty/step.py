"""Thin out questions by their predicted difficulty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from components.sample_difficulty.config import SampleDifficultyConfig, source_names, target_shares
from components.sample_difficulty.shares import bin_of, keep_probabilities
from components.shared.errors import InputError
from components.shared.records import Question, Reject
from components.shared.seeds import derive_fraction
from components.shared.workspace import Workspace
from components.shared.workspace.rows import Rows

Judge = Callable[[Question], str]


def run(config: SampleDifficultyConfig, workspace: Workspace) -> str:
    """Count the questions of each bin, then keep or reject each one; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    found = workspace.open(config, questions)
    if found.finished:
        return found.uri
    counts = count_bins(questions, config)
    judge = make_judge(counts, config)
    folder = found.begin_rows(Question, questions.slices(config.rows_per_part))
    for part in folder.missing_parts():
        for index, question in part.rows(questions.read(part.slice)):
            if reason := judge(question):
                detail = f"difficulty {question.difficulty:.4f}"
                part.settle(index, rejected=[Reject(row=question, reason=reason, detail=detail)])
            else:
                part.settle(index, kept=[question])
    return folder.finish()


def count_bins(questions: Rows[Question], config: SampleDifficultyConfig) -> Mapping[str, Sequence[int]]:
    """Return how many questions above the minimum each bin holds, for each source that is thinned out.

    Raises InputError for a question without difficulty and for a source that no question has.
    """
    num_bins = max(len(target_shares(config.target)), 1)
    wanted = source_names(config.sources)
    found: Counter[str] = Counter()
    bins: dict[str, Counter[int]] = {}
    for question in questions:
        found[question.source] += 1
        if wanted and question.source not in wanted:
            continue
        of_source = bins.setdefault(question.source, Counter())
        difficulty = _difficulty(question)
        if difficulty >= config.minimum:
            of_source[bin_of(difficulty, num_bins)] += 1
    if unknown := [name for name in wanted if name not in found]:
        raise InputError(
            f"--sources names {', '.join(unknown)}, which no question has; found {', '.join(sorted(found)) or 'none'}"
        )
    return {source: [counter[number] for number in range(num_bins)] for source, counter in bins.items()}


def make_judge(counts: Mapping[str, Sequence[int]], config: SampleDifficultyConfig) -> Judge:
    """Return what says of a question KEEP ("") or the reason why it leaves."""
    shares = target_shares(config.target) or (1.0,)
    probabilities = {
        source: keep_probabilities(of_bins, shares, config.keep_fraction) for source, of_bins in counts.items()
    }

    def judge(question: Question) -> str:
        if question.source not in probabilities:
            return ""
        difficulty = _difficulty(question)
        if difficulty < config.minimum:
            return "too_easy"
        probability = probabilities[question.source][bin_of(difficulty, len(shares))]
        draw = derive_fraction(config.seed, "sample_difficulty", question.id)
        return "" if draw < probability else "over_represented"

    return judge


def _difficulty(question: Question) -> float:
    """Return the predicted fail rate, moved into 0 to 1: a regression may come out just beyond."""
    if question.difficulty is None:
        raise InputError(f"question {question.id} has no difficulty; run score_difficulty on the questions first")
    return min(max(question.difficulty, 0.0), 1.0)
