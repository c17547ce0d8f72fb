"""Keep the best response to every question."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from components.select_responses.config import SelectResponsesConfig
from components.select_responses.lost_questions import LostQuestions
from components.shared.errors import InputError
from components.shared.filters import KEEP, Verdict
from components.shared.records import Reject, Response
from components.shared.texts.math_answers import AnswerChecker
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import Part
from components.shared.workspace.rows import Rows

ALL_WRONG, TOO_LOW, TOO_HIGH = "all_wrong", "pass_rate_too_low", "pass_rate_too_high"


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """The responses to one question that are left, with the number that agree with each, and whether they are right.

    Where the answer is not known, none is known to be right, and those with the most frequent answer pass.
    """

    rows: Sequence[Response]

    @property
    def are_all_wrong(self) -> bool:
        """Whether an answer is known and no response gives it."""
        return bool(self.rows[0].answer) and not any(row.is_right for row in self.rows)

    @property
    def num_passing(self) -> int:
        """How many give the known answer or, where none is known, the most frequent one."""
        if self.rows[0].answer:
            return sum(row.is_right is True for row in self.rows)
        return max(row.num_agreeing or 0 for row in self.rows)

    def best(self, by: str) -> Response:
        """Return the best response: a right one, if there is any; of equal ones the shortest, then the first sample."""
        return pick_best([row for row in self.rows if row.is_right] or self.rows, by)


def pick_best(candidates: Sequence[Response], by: str = "reward") -> Response:
    """Return the best response to a question; of equal ones the shortest in tokens, then the first sample."""
    return min(candidates, key=lambda row: (*_merits(row, by), row.num_tokens, row.sample))


def compare(responses: Sequence[Response], checker: AnswerChecker) -> Candidates:
    """Compare the final answers of the responses to one question by value, and with the known answer."""
    groups = checker.group_by_value([row.final_answer for row in responses])
    pairs = [(row.answer, row.final_answer) for row in responses]
    right: Sequence[bool | None] = list(checker.equal(pairs)) if responses[0].answer else [None] * len(pairs)
    rows = [
        dataclasses.replace(row, num_agreeing=groups.count(group), num_candidates=len(responses), is_right=is_right)
        for row, group, is_right in zip(responses, groups, right, strict=True)
    ]
    return Candidates(rows=rows)


def judge(candidates: Candidates, config: SelectResponsesConfig) -> Verdict:
    """Return KEEP for a question whose best response is kept, otherwise why none is."""
    passing, number = candidates.num_passing, len(candidates.rows)
    if candidates.are_all_wrong and not config.keep_all_wrong:
        return Verdict(ALL_WRONG, f"0 of {number} give {candidates.rows[0].answer}")
    if passing < round(config.min_pass_rate * number, 9):  # 0.28 * 25 > 7
        return Verdict(TOO_LOW, f"{passing} of {number}")
    return Verdict(TOO_HIGH, f"{passing} of {number}") if passing > round(config.max_pass_rate * number, 9) else KEEP


def run(config: SelectResponsesConfig, workspace: Workspace) -> str:
    """Select among the responses to every question; return the folder's address."""
    responses = workspace.read(config.responses, Response)
    if config.by != "agreement":
        _check_rewards(responses)
    folder = workspace.open(config, responses).begin_rows(Response, responses.slices())
    lost_questions = LostQuestions()
    with AnswerChecker() as checker:
        for part in folder.missing_parts():
            _select(part, responses, config, lost_questions, checker)
    return folder.finish()


def _check_rewards(responses: Rows[Response]) -> None:
    checked = set()
    for slice_ in responses.slices():
        if slice_.input in checked or not slice_:
            continue
        checked.add(slice_.input)
        if responses.read(slice_)[0].reward is None:
            raise InputError(
                f"--responses {responses.uris[slice_.input]}: its responses have no rewards; expected those of "
                "score_responses: run that step on it first, or choose --by agreement"
            )


def _select(
    part: Part,
    responses: Rows[Response],
    config: SelectResponsesConfig,
    lost_questions: LostQuestions,
    checker: AnswerChecker,
) -> None:
    groups: dict[str, list[tuple[int, Response]]] = {}
    for index, row in enumerate(responses.read(part.slice)):
        groups.setdefault(row.question_id, []).append((index, row))
    lost = lost_questions.of(responses.uris[part.slice.input], part.slice.part, groups)
    failures = checker.failures.total()
    if lost:
        part.settle(len(part), rejected=lost, count=0, added=len(lost))
    numbered = [(group[0][0], [row for _, row in group]) for group in groups.values()]
    compared = [(index, compare(candidates, checker)) for index, candidates in part.groups(numbered)]
    part.add_to_metric("comparisons_failed", checker.failures.total() - failures)
    for index, candidates in compared:
        _settle(part, index, candidates, config)


def _settle(part: Part, index: int, candidates: Candidates, config: SelectResponsesConfig) -> None:
    best, verdict = candidates.best(config.by), judge(candidates, config)
    rejected = [Reject(row=row, reason="not_best", detail=best.id) for row in candidates.rows if row is not best]
    if verdict != KEEP:
        rejected.append(Reject(row=best, reason=verdict.reason, detail=verdict.detail))
    part.settle(index, kept=[best] if verdict == KEEP else [], rejected=rejected, count=len(candidates.rows))


def _merits(row: Response, by: str) -> tuple[float, ...]:
    """Return what a response is compared by, what matters most first; less is better."""
    agreeing = () if by == "reward" else (-float(row.num_agreeing or 0),)
    return agreeing if by == "agreement" else (*agreeing, -_reward(row))


def _reward(row: Response) -> float:
    assert row.reward is not None, row.id
    return row.reward
