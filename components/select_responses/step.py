"""Keep the best response to every question."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from components.select_responses.config import SelectResponsesConfig
from components.select_responses.lost_questions import LostQuestions
from components.shared.errors import InputError
from components.shared.records import Reject, Response
from components.shared.texts.math_answers import AnswerChecker
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import Part
from components.shared.workspace.rows import Rows


def pick_best(candidates: Sequence[Response], by: str = "reward") -> Response:
    """Return the best response to a question; of equal ones the shortest in tokens, then the first sample."""
    return min(candidates, key=lambda row: (*_merits(row, by), row.num_tokens, row.sample))


def count_agreement(candidates: Sequence[Response], checker: AnswerChecker) -> list[Response]:
    """Return the responses to one question with how many of them share each one's final answer, by value."""
    groups = checker.group_by_value([row.final_answer for row in candidates])
    return [
        dataclasses.replace(row, num_agreeing=groups.count(group), num_candidates=len(candidates))
        for row, group in zip(candidates, groups, strict=True)
    ]


def run(config: SelectResponsesConfig, workspace: Workspace) -> str:
    """Select among the responses to every question; return the folder's address."""
    responses = workspace.read(config.responses, Response)
    if config.by != "agreement":
        _check_rewards(responses)
    folder = workspace.open(config, responses).begin_rows(Response, responses.slices())
    lost_questions = LostQuestions()
    with AnswerChecker() as checker:
        for part in folder.missing_parts():
            _select(part, responses, config.by, lost_questions, checker)
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
    part: Part, responses: Rows[Response], by: str, lost_questions: LostQuestions, checker: AnswerChecker
) -> None:
    groups: dict[str, list[tuple[int, Response]]] = {}
    for index, row in enumerate(responses.read(part.slice)):
        groups.setdefault(row.question_id, []).append((index, row))
    lost = lost_questions.of(responses.uris[part.slice.input], part.slice.part, groups)
    failures = checker.failures.total()
    if lost:
        part.settle(len(part), rejected=lost, count=0, added=len(lost))
    numbered = [(group[0][0], [row for _, row in group]) for group in groups.values()]
    judged = [(index, count_agreement(candidates, checker)) for index, candidates in part.groups(numbered)]
    part.add_to_metric("comparisons_failed", checker.failures.total() - failures)
    for index, candidates in judged:
        best = pick_best(candidates, by)
        others = [Reject(row=row, reason="not_best", detail=best.id) for row in candidates if row is not best]
        part.settle(index, kept=[best], rejected=others, count=len(candidates))


def _merits(row: Response, by: str) -> tuple[float, ...]:
    """Return what a response is compared by, what matters most first; less is better."""
    agreeing = () if by == "reward" else (-float(row.num_agreeing or 0),)
    return agreeing if by == "agreement" else (*agreeing, -_reward(row))


def _reward(row: Response) -> float:
    assert row.reward is not None, row.id
    return row.reward
