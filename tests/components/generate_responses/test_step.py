from __future__ import annotations

import re
from typing import Any

import pytest

from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import judge, run
from components.shared.engines import Completion, asking
from components.shared.records import Question, Response
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.killed import check_it_continues_after_a_kill
from tests.components.refused import refused
from tests.components.rejects import read_content, read_rejects
from tests.components.shared.engines.served import Answer, refusal, reply, serve
from tests.components.shared.other_processes import run_pods
from tests.conftest import WriteRows

TEXTS = [f"What is the sum of {number} and {number * 7}?" for number in range(40)]


def config(workspace: Workspace, questions: str, **options: Any) -> GenerateResponsesConfig:
    given: dict[str, Any] = {"model": "scripted:m", "engine": "scripted"} | options
    return GenerateResponsesConfig(workspace=workspace.uri, questions=questions, **given)


def response(**fields: Any) -> Response:
    given: dict[str, Any] = {
        "id": "q-0", "question_id": "q", "question": "?", "answer": "", "source": "", "difficulty": None, "sample": 0,
        "response": "so \\boxed{4}", "final_answer": "4", "finish_reason": "stop", "num_tokens": 9,
    }  # fmt: skip
    return Response(**given | fields)


def test_every_sample_of_every_question_is_kept_or_rejected(workspace: Workspace, write_questions: WriteRows) -> None:
    folder = run(config(workspace, write_questions(workspace, TEXTS), num_samples=5), workspace)
    manifest = read_manifest(folder)
    assert manifest.rows_in == 200
    assert set(manifest.rejected) == {"length", "no_final_answer"}
    ids = [row.id for row in workspace.read(folder, Response)] + [row["id"] for row in read_rejects(folder)]
    assert sorted(ids) == sorted(f"q{number}-{sample}" for number in range(40) for sample in range(5))
    assert manifest.metrics["output_tokens"] > 0
    assert manifest.metrics["prompt_tokens"] > 0


def test_a_response_carries_the_other_columns_of_its_question(workspace: Workspace, write_rows: WriteRows) -> None:
    questions = write_rows(workspace, [Question(id="q", question=TEXTS[0], metadata='{"id": 17}')])
    rows = list(workspace.read(run(config(workspace, questions), workspace), Response))
    assert {row.metadata for row in rows} == {'{"id": 17}'}


def test_a_response_carries_its_question_and_its_final_answer(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, TEXTS, answers=[str(number * 8) for number in range(40)], source="s")
    rows = list(workspace.read(run(config(workspace, questions), workspace), Response))
    assert all(row.question == TEXTS[int(row.question_id[1:])] and row.source == "s" for row in rows)
    assert all(f"\\boxed{{{row.final_answer}}}" in row.response for row in rows)
    assert sum(row.final_answer == row.answer for row in rows) > len(rows) / 2


@pytest.mark.parametrize(
    ("finish_reason", "fields", "reason"),
    [
        ("stop", {}, ""),
        ("length", {}, "length"),
        ("too_long", {"response": "", "final_answer": ""}, "too_long"),
        ("", {}, "no_finish_reason"),
        ("stop", {"response": "", "final_answer": ""}, "empty"),
        ("stop", {"response": "It is 4.", "final_answer": ""}, "no_final_answer"),
    ],
)
def test_a_response_is_judged_by_how_it_ended(finish_reason: str, fields: dict[str, Any], reason: str) -> None:
    completion = Completion(text="", finish_reason=finish_reason, num_tokens=9)
    assert judge(response(**fields), completion).reason == reason


def test_one_request_asks_for_all_samples_of_a_question(workspace: Workspace, write_questions: WriteRows) -> None:
    with serve(
        lambda body, _: reply(*[f"{n}: \\boxed{{1}}" for n in range(body["n"])]), Answer(body={"data": [{"id": "m"}]})
    ) as served:
        chosen = config(
            workspace, write_questions(workspace, TEXTS), engine="openai", endpoint=served.url, model="openai:m"
        )
        folder = run(chosen, workspace)
    assert read_manifest(folder).rows_out == 200
    assert len(served.requests) == 1 + 40  # something harmless first
    assert {body["n"] for body in served.requests} == {5}
    assert all("inside \\boxed{}" in body["messages"][0]["content"] for body in served.requests[1:])


def test_an_endpoint_that_refuses_the_key_leaves_nothing_behind(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, TEXTS)
    with serve(lambda *_: refusal(401, "no"), refusal(401, "no")) as served:
        chosen = config(workspace, questions, engine="openai", endpoint=served.url, model="openai:m")
        with refused("OPENAI_API_KEY", workspace):
            run(chosen, workspace)


def test_three_pods_write_the_rows_of_one(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, TEXTS)
    one = run(config(workspace, questions, rows_per_part=4), workspace)
    shared = run_pods(lambda pod: run(config(pod, questions, rows_per_part=4), pod), workspace.uri + "-shared")
    assert read_manifest(shared).parts == read_manifest(one).parts
    assert read_content(shared) == read_content(one)


def test_a_finished_folder_opens_no_engine(
    workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = write_questions(workspace, TEXTS)
    folder = run(config(workspace, questions), workspace)
    monkeypatch.setattr(asking, "open_engine", lambda *_: pytest.fail("an engine was opened"))
    assert run(config(workspace, questions), workspace) == folder


def test_a_folder_may_end_without_a_single_response(workspace: Workspace, write_questions: WriteRows) -> None:
    none_left = run(config(workspace, write_questions(workspace, ["x"]), max_tokens=1), workspace)
    assert read_manifest(none_left).rows_out == 0
    assert read_manifest(none_left).rejected == {"length": 5}


@pytest.mark.slow
def test_killed_and_started_again_it_writes_the_rows_of_an_undisturbed_run(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, TEXTS * 50)
    undisturbed, killed = (
        config(Workspace(uri), questions, rows_per_part=50, num_samples=3)
        for uri in (workspace.uri, workspace.uri + "-killed")
    )
    folder = check_it_continues_after_a_kill(run, undisturbed, killed)
    assert read_content(folder) == read_content(run(undisturbed, workspace))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_samples": 0}, "--num-samples 0 is out of range; expected at least 1"),
        ({"temperature": -1.0}, "--temperature -1.0 is out of range"),
        ({"temperature": 0.0}, "--temperature 0 makes all --num-samples 5 of a question identical"),
        ({"engine": "openai"}, "--engine openai needs --endpoint"),
    ],
)
def test_bad_input_is_one_message_and_nothing_is_written(
    workspace: Workspace, write_questions: WriteRows, options: dict[str, Any], message: str
) -> None:
    questions = write_questions(workspace, TEXTS)
    with refused(re.escape(message), workspace):
        run(config(workspace, questions, **options), workspace)
