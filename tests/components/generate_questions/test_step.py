from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from components.generate_questions.config import GenerateQuestionsConfig
from components.generate_questions.step import asking_for, blanks, run, slices_of
from components.shared.engines import Completion, Request, Result, Sampling, asking
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.plans import read_plan_or_none
from tests.components.killed import check_it_continues_after_a_kill
from tests.components.refused import refused
from tests.components.rejects import read_content, read_rejects
from tests.components.shared.other_processes import run_pods


def config(workspace: Workspace, **options: Any) -> GenerateQuestionsConfig:
    given: dict[str, Any] = {
        "model": "scripted:m",
        "generator": "g",
        "num_questions": 100,
        "engine": "scripted",
    } | options
    return GenerateQuestionsConfig(workspace=workspace.uri, **given)


class Told:
    """An engine that gives one completion after the other."""

    arithmetic = ""

    def __init__(self, *completions: Completion) -> None:
        self.completions = completions
        self.requests: list[Request[Any]] = []
        self.closed = False

    def generate(self, requests: Iterable[Request[Any]], sampling: Sampling) -> Iterator[Result[Any]]:
        for request, completion in zip(requests, self.completions, strict=True):
            self.requests.append(request)
            yield Result(request=request, completions=(completion,), num_prompt_tokens=3)

    def close(self) -> None:
        self.closed = True


def tell(workspace: Workspace, *completions: Completion, **options: Any) -> tuple[str, Told]:
    chosen = config(workspace, num_questions=len(completions), **options)
    asked, engine = asking_for(chosen), Told(*completions)
    folder = asked.begin(workspace.open(chosen), slices_of(chosen))
    return asked.answer(folder, blanks, lambda: engine), engine


STOPPED = Completion(text=" How many?\n", finish_reason="stop", num_tokens=4)


def test_requested_samples_are_kept_or_rejected_by_reason(workspace: Workspace) -> None:
    folder = run(config(workspace, num_questions=400, rows_per_part=64), workspace)
    manifest = read_manifest(folder)
    assert manifest.rows_in == 400
    assert manifest.rows_out + sum(manifest.rejected.values()) == 400
    assert set(manifest.rejected) == {"empty", "length"}
    assert manifest.metrics["output_tokens"] > 400


def test_a_row_says_who_wrote_it_how_it_ended_and_with_how_many_tokens(workspace: Workspace) -> None:
    folder, _ = tell(workspace, STOPPED, generator="qwen2-math")
    (question,) = workspace.read(folder, Question)
    assert question.question == "How many?"
    assert (question.source, question.finish_reason, question.num_tokens) == ("qwen2-math", "stop", 4)
    assert re.fullmatch(r"[0-9a-f]{8}-0000000", question.id)


@pytest.mark.parametrize(
    ("completion", "reason"),
    [
        (Completion(text="How ma", finish_reason="length", num_tokens=512), "length"),
        (Completion(text="", finish_reason="too_long", num_tokens=0), "too_long"),
        (Completion(text=" \n", finish_reason="stop", num_tokens=2), "empty"),
    ],
)
def test_an_unusable_sample_is_rejected_for_its_reason(
    workspace: Workspace, completion: Completion, reason: str
) -> None:
    folder, _ = tell(workspace, STOPPED, completion)
    (reject,) = read_rejects(folder)
    assert (reject["reason"], reject["num_tokens"]) == (reason, completion.num_tokens)
    assert read_manifest(folder).rejected == {reason: 1}


def test_every_request_is_the_bare_prefix_with_a_seed_of_its_own(workspace: Workspace) -> None:
    _, engine = tell(workspace, *[STOPPED] * 10)
    assert {request.message for request in engine.requests} == {""}
    assert len({request.seed for request in engine.requests}) == 10
    assert engine.closed


def test_two_generators_do_not_share_seeds(workspace: Workspace) -> None:
    _, one = tell(workspace, *[STOPPED] * 10, generator="qwen2-math")
    _, other = tell(workspace, *[STOPPED] * 10, generator="deepseek-math")
    assert {request.seed for request in one.requests}.isdisjoint(request.seed for request in other.requests)


def test_seeds_belong_to_rows_and_not_to_parts(workspace: Workspace) -> None:
    _, whole = tell(workspace, *[STOPPED] * 10)
    _, cut = tell(Workspace(workspace.uri + "-cut"), *[STOPPED] * 10, rows_per_part=3)
    assert [request.seed for request in whole.requests] == [request.seed for request in cut.requests]


def test_another_seed_gives_other_questions(workspace: Workspace) -> None:
    first, second = (
        [row.question for row in workspace.read(run(config(workspace, seed=seed), workspace), Question)]
        for seed in (0, 1)
    )
    assert first != second


def test_three_pods_write_the_rows_of_one(workspace: Workspace) -> None:
    one = run(config(workspace, rows_per_part=10), workspace)
    shared = run_pods(lambda pod: run(config(pod, rows_per_part=10), pod), workspace.uri + "-shared")
    assert read_manifest(shared).parts == read_manifest(one).parts
    assert read_content(shared) == read_content(one)


def test_a_finished_folder_opens_no_engine(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = run(config(workspace), workspace)
    monkeypatch.setattr(asking, "open_engine", lambda *_: pytest.fail("an engine was opened"))
    assert run(config(workspace), workspace) == folder


@pytest.mark.slow
def test_killed_and_started_again_it_writes_the_rows_of_an_undisturbed_run(workspace: Workspace) -> None:
    options = {"num_questions": 4000, "rows_per_part": 100}
    other = Workspace(workspace.uri + "-killed")
    folder = check_it_continues_after_a_kill(run, config(workspace, **options), config(other, **options))
    ids = [row.id for row in other.read(folder, Question)] + [row["id"] for row in read_rejects(folder)]
    plan = read_plan_or_none(folder)
    assert plan is not None
    of_any_size = plan.fingerprint_without("num_questions")[:8]
    assert sorted(ids) == [f"{of_any_size}-{number:07d}" for number in range(4000)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_questions": 0}, "--num-questions 0 is out of range; expected at least 1"),
        ({"top_p": 0.0}, "--top-p 0.0 is out of range"),
        ({"generator": ""}, "--generator is required"),
        ({"engine": "openai"}, "--engine openai cannot write questions from the bare user prefix"),
        ({"model": "missing-folder"}, "--model 'missing-folder': nothing exists there"),
    ],
)
def test_bad_input_is_one_message_and_nothing_is_written(
    workspace: Workspace, options: dict[str, Any], message: str
) -> None:
    with refused(re.escape(message), workspace):
        run(config(workspace, **options), workspace)
