"""Let a judge model look at each question, stage by stage; reject those of which something does not hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from components.filter_solvability.config import FilterSolvabilityConfig
from components.filter_solvability.stages import SCHEMA, Course, Stage, Voting, follow, load_stages, whole_question
from components.shared.engines import Completion, Request, Sampling
from components.shared.engines.asking import Asking, Judgement, ask_about
from components.shared.filters import KEEP
from components.shared.records import Question
from components.shared.seeds import derive_seed
from components.shared.workspace import Workspace


def run(config: FilterSolvabilityConfig, workspace: Workspace) -> str:
    """Judge each question; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    return ask_about(questions, config, config.model, workspace, lambda: _asking(config))


def _asking(config: FilterSolvabilityConfig) -> Asking[Question]:
    in_stages = config.judging == "stages"
    stages = load_stages() if in_stages else whole_question()
    voting = Voting(number=config.num_judgements, threshold=config.threshold)
    sampling = Sampling(
        temperature=config.temperature, max_tokens=config.max_tokens, schema=SCHEMA if in_stages else ""
    )

    def following(question: Question, replies: Sequence[Completion]) -> Request[None] | None:
        course = follow(stages, replies, voting)
        return _request(question, course) if course.verdict is None else None

    return Asking(
        record=Question,
        request=lambda question: _request(question, Course(verdict=None, stage=stages[0], judgement=0)),
        judge=lambda question, replies: _judgement(question, replies, stages, voting),
        follow_up=following,
        sampling=sampling,
        made_from="id",
        figures=_figures,
    )


def _request(question: Question, course: Course) -> Request[None]:
    stage, number = course.stage, course.judgement
    return Request(
        message=stage.message(question.question),
        examples=stage.examples,
        seed=derive_seed("filter_solvability", question.id, stage.name, number),
    )


def _judgement(question: Question, replies: Sequence[Completion], stages: Sequence[Stage], voting: Voting) -> Judgement:
    verdict = follow(stages, replies, voting).verdict
    assert verdict is not None, question.id
    row = dataclasses.replace(
        question,
        solvability_reply="\n".join(reply.text.strip() for reply in replies),
        solvability_thought="\n\n".join(reply.thought for reply in replies if reply.thought),
    )
    metrics = {
        "judgements": len(replies),
        "judge_tokens": sum(reply.num_tokens for reply in replies),
        "judged_solvable": int(verdict == KEEP),
    }
    return Judgement(rows=[(row, verdict)], metrics=metrics)


def _figures(sums: Mapping[str, float]) -> Mapping[str, float]:
    """Return what all judgements cost for each question that is kept: new tokens, and those of the prompts."""
    kept = sums.get("judged_solvable", 0)
    if not kept:
        return {}
    costs = {"judge_tokens": sums["judge_tokens"], "prompt_tokens": sums.get("prompt_tokens", 0)}
    return {f"{name}_per_kept_question": number / kept for name, number in costs.items()}
