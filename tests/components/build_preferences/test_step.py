from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.build_preferences.config import DIRECTIONS, EXAMPLE_FILES, PROMPT_FILES, BuildPreferencesConfig
from components.build_preferences.rewrites import judge
from components.build_preferences.step import direction_of, run
from components.shared.engines import Completion, Request, Result, Sampling, asking
from components.shared.engines.scripted_engine import ScriptedEngine
from components.shared.filters import KEEP
from components.shared.records import PreferencePair
from components.shared.texts.language import other_language
from components.shared.texts.prompts import fill_prompt, load_examples, load_prompt
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.pods import check_pods_make_the_rows_of_one
from tests.components.refused import refused
from tests.components.rejects import read_rejects
from tests.components.shared.engines.served import Answer, Served, reply, serve
from tests.conftest import WriteRows


class Watched(ScriptedEngine):
    """The scripted engine, which keeps what it was asked."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.requests: list[Request[Any]] = []
        self.samplings: list[Sampling] = []

    def generate(self, requests: Iterable[Request[Any]], sampling: Sampling) -> Iterator[Result[Any]]:
        self.samplings.append(sampling)
        for result in super().generate(requests, sampling):
            self.requests.append(result.request)
            yield result


def test_each_question_gets_one_direction_from_the_seed() -> None:
    ids = [f"3f9c12ab-{number:07d}" for number in range(1000)]
    directions = [direction_of(0, id_) for id_ in ids]

    assert directions == [direction_of(0, id_) for id_ in ids]
    assert directions != [direction_of(1, id_) for id_ in ids]
    assert set(directions) == set(DIRECTIONS)
    assert 450 < Counter(directions)["difficulty"] < 550


def test_a_pair_prefers_the_rewrite_and_says_where_it_comes_from(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    texts = _texts(30)
    folder = run(_config(workspace, write_questions(workspace, texts, source="qwen2-math")), workspace)

    for pair in workspace.read(folder, PreferencePair):
        assert pair.rejected == texts[int(pair.id[1:])]
        assert pair.chosen != pair.rejected
        assert pair.reply == f"<question>{pair.chosen}</question>"
        assert (pair.source, pair.rewriter) == ("qwen2-math", "scripted:rewriter")
        assert pair.direction == direction_of(0, pair.id)


def test_every_reply_is_accounted_for_by_reason(workspace: Workspace, write_questions: WriteRows) -> None:
    folder = run(_config(workspace, write_questions(workspace, _texts(300))), workspace)

    manifest = read_manifest(folder)
    expected = {"no_marker", "cut_off", "empty", "unchanged", "answer_given", "not_english"}
    assert set(manifest.rejected) == expected
    assert manifest.rows_in == 300 == manifest.rows_out + sum(manifest.rejected.values())
    rejects = read_rejects(folder)
    assert all(row["reply"] for row in rejects)
    assert all(row["chosen"] for row in rejects if row["reason"] in ("unchanged", "answer_given", "not_english"))
    assert len({row["id"] for row in rejects}) + manifest.rows_out == 300


def test_three_pods_and_a_second_start_make_the_rows_of_one(tmp_path: Path, write_questions: WriteRows) -> None:
    check_pods_make_the_rows_of_one(
        tmp_path,
        lambda workspace: write_questions(workspace, _texts(40)),
        lambda workspace, questions: run(_config(workspace, questions), workspace),
    )


def test_another_seed_is_another_folder(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, _texts(20))

    folders = [run(_config(workspace, questions, seed=seed), workspace) for seed in (0, 1, 0)]
    assert folders[0] != folders[1]
    assert folders[0] == folders[2]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_prompt_asks_for_its_own_direction(direction: str) -> None:
    question = "What is {2} + 2?\n\nGive a number."
    message = fill_prompt(load_prompt(PROMPT_FILES[direction]), question=question)
    other = {"solvability": "harder", "difficulty": "can be solved"}[direction]
    own = {"solvability": "can be solved", "difficulty": "harder"}[direction]

    assert own in message
    assert other not in message
    instruction, _, asked = message.partition("\n\n")
    assert asked == question
    assert "<question>" in instruction
    assert "</question>" in instruction


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_each_example_is_a_rewrite_that_the_step_itself_would_keep(direction: str) -> None:
    examples = load_examples(EXAMPLE_FILES[direction])

    assert len(examples) >= 2
    for example in examples:
        completion = Completion(text=_tagged(example["rewrite"]), finish_reason="stop", num_tokens=9)
        assert judge(example["question"], completion, other_language) == KEEP


def test_a_local_model_is_shown_examples_of_its_direction_and_held_to_the_tags(
    workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Watched("scripted:rewriter")
    monkeypatch.setattr(asking, "open_engine", lambda *_: engine)
    folder = run(_config(workspace, write_questions(workspace, _texts(30))), workspace)

    assert {sampling.stop for sampling in engine.samplings} == {"</question>"}
    assert {request.reply_start for request in engine.requests} == {"<question>"}
    shown = {direction_of(0, request.key.row.id): request.examples for request in engine.requests}
    assert shown == {direction: _turns(direction) for direction in DIRECTIONS}
    assert all(request.message.endswith(f"\n\n{request.key.row.question}") for request in engine.requests)
    replies = [row["reply"] for row in read_rejects(folder)]
    assert replies
    assert all(text.startswith("<question>") for text in replies)


def test_a_served_model_is_shown_the_examples_and_writes_both_tags_by_itself(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    texts = _texts(20)

    def answer(body: dict[str, object], number: int) -> Answer:
        return reply(
            "A question without tags?" if number % 2 == 0 else _tagged("How many pencils are in 3 boxes of 5?")
        )

    with serve(answer, Answer(body={"data": [{"id": "rewriter"}]})) as served:
        folder = run(_served(workspace, write_questions(workspace, texts), served), workspace)

    manifest = read_manifest(folder)
    assert (manifest.rows_out, manifest.rejected) == (10, {"no_marker": 10})
    assert {row["reply"] for row in read_rejects(folder)} == {"A question without tags?"}
    turns = {tuple(message["content"] for message in body["messages"][:-1]) for body in served.requests[1:]}
    assert turns == {tuple(text for turn in _turns(direction) for text in turn) for direction in DIRECTIONS}
    assert {body["messages"][-1]["content"].partition("\n\n")[2] for body in served.requests[1:]} == set(texts)
    assert not any("stop" in body for body in served.requests)


def test_a_rewriter_without_an_endpoint_is_refused_before_anything_is_written(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    questions = write_questions(workspace, ["What is 2 + 2?"])
    config = BuildPreferencesConfig(
        workspace=workspace.uri, questions=questions, model="openai:gpt-4o-mini", engine="openai"
    )
    with refused("--engine openai needs --endpoint", workspace):
        run(config, workspace)


def _tagged(text: str) -> str:
    return f"<question>{text}</question>"


def _turns(direction: str) -> tuple[tuple[str, str], ...]:
    prompt = load_prompt(PROMPT_FILES[direction])
    examples = load_examples(EXAMPLE_FILES[direction])
    return tuple((fill_prompt(prompt, question=each["question"]), _tagged(each["rewrite"])) for each in examples)


def _served(workspace: Workspace, questions: str, served: Served) -> BuildPreferencesConfig:
    return BuildPreferencesConfig(
        workspace=workspace.uri, questions=questions, model="openai:rewriter", engine="openai", endpoint=served.url
    )


def _texts(number: int) -> list[str]:
    return [
        f"A shop has {n} boxes with {n + 2} pencils in each box. How many pencils does it have?" for n in range(number)
    ]


def _config(workspace: Workspace, questions: str, *, seed: int = 0) -> BuildPreferencesConfig:
    return BuildPreferencesConfig(
        workspace=workspace.uri,
        questions=questions,
        model="scripted:rewriter",
        engine="scripted",
        seed=seed,
        rows_per_part=7,
    )
