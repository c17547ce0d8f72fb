from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.evaluate.config import PROMPTS, EvaluateConfig
from components.evaluate.prompt import prompts_of, read_prompt
from components.evaluate.step import run
from components.shared.errors import InputError
from components.shared.records import Question
from components.shared.texts.prompts import SOLVE, fill_prompt, load_prompt
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.shared.engines.served import Answer, reply, serve
from tests.conftest import WriteRows


def config(workspace: Workspace, questions: str, prompt_file: str = "", **options: Any) -> EvaluateConfig:
    given = {"engine": "scripted", "model": "scripted:solver", **options}
    if prompt_file:
        given["prompt_file"] = prompt_file
    return EvaluateConfig(workspace=workspace.uri, questions=questions, **given)


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_usual_prompt_is_that_of_generate_responses(workspace: Workspace) -> None:
    assert prompts_of(config(workspace, "q"), ["gsm8k", ""]) == dict.fromkeys(["gsm8k", ""], load_prompt(SOLVE))


def test_olympiadbench_is_asked_for_all_answers_in_one_box_and_the_unit_behind_it(workspace: Workspace) -> None:
    prompt = prompts_of(config(workspace, "q", "prompt:olympiadbench"), ["mine"])["mine"]
    asked = fill_prompt(prompt, question="Find all {x}.")
    assert "Find all {x}." in asked
    for words in ("interval", r"\boxed{}", "one box, with commas", "unit behind the box"):
        assert words in asked


def test_each_named_prompt_takes_the_question_alone() -> None:
    paths = {path for named in PROMPTS.values() for path in named.values()}
    assert all("Q" in fill_prompt(load_prompt(path), question="Q") for path in paths)


def test_a_file_of_ones_own_is_what_the_model_reads_and_its_text_makes_the_address(
    workspace: Workspace, write_questions: WriteRows, tmp_path: Path
) -> None:
    questions = write_questions(workspace, ["What is 2 + 2?"], answers=["4"])
    prompt = write(tmp_path / "mine.txt", "# ours\nAnswer this: {question}\nBox it: \\boxed{{}}.\n")
    asked: list[str] = []

    def answer(body: dict[str, Any], _: int) -> Answer:
        asked.append(body["messages"][-1]["content"])
        return reply(r"\boxed{4}")

    with serve(answer, Answer(body={"data": [{"id": "m"}]})) as served:
        endpoint = {"engine": "openai", "endpoint": served.url, "model": "openai:m"}
        first = run(config(workspace, questions, prompt, **endpoint), workspace)
        assert asked[-1] == "Answer this: What is 2 + 2?\nBox it: \\boxed{}."
        assert run(config(workspace, questions, prompt, **endpoint), workspace) == first
        write(tmp_path / "mine.txt", "Please answer: {question}")
        second = run(config(workspace, questions, prompt, **endpoint), workspace)
    assert second != first
    assert read_manifest(first).metrics["accuracy"] == 1
    assert read_manifest(first).inputs["prompt_file"][0].uri == prompt


def test_each_benchmark_is_asked_with_its_own_prompt_in_one_evaluation(
    workspace: Workspace, write_rows: WriteRows, tmp_path: Path
) -> None:
    questions = write_rows(workspace, [question("gsm8k", "1 + 1"), question("olympiadbench", "1 + 2")])
    prompts = tmp_path / "prompts"
    prompts.mkdir()
    write(prompts / "gsm8k.txt", "School: {question}")
    asked: list[str] = []

    def answer(body: dict[str, Any], _: int) -> Answer:
        asked.append(body["messages"][-1]["content"])
        return reply(r"\boxed{2}")

    with serve(answer, Answer(body={"data": [{"id": "m"}]})) as served:
        endpoint = {"engine": "openai", "endpoint": served.url, "model": "openai:m", "max_concurrency": 1}
        run(config(workspace, questions, "prompt:benchmarks", **endpoint), workspace)
        own, named = (load_prompt(PROMPTS[name][""]) for name in ("olympiadbench", "solve"))
        assert asked[-2:] == [fill_prompt(named, question="1 + 1"), fill_prompt(own, question="1 + 2")]
        with pytest.raises(InputError, match=r"has no olympiadbench.txt; found gsm8k.txt; expected a file for each"):
            run(config(workspace, questions, str(prompts), **endpoint), workspace)
        write(prompts / "olympiadbench.txt", "# ours\nContest: {question}")
        first = run(config(workspace, questions, str(prompts), **endpoint), workspace)
        assert asked[-2:] == ["School: 1 + 1", "Contest: 1 + 2"]
        write(prompts / "olympiadbench.txt", "Olympiad: {question}")
        assert run(config(workspace, questions, str(prompts), **endpoint), workspace) != first


def question(benchmark: str, text: str) -> Question:
    return Question(id=benchmark, question=text, answer="2", source=benchmark)


def test_named_prompts_have_addresses_of_their_own(workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, ["What is the sum of 1 and 2?"], answers=["3"])
    folders = [run(config(workspace, questions, f"prompt:{name}"), workspace) for name in PROMPTS]
    assert len({*folders, run(config(workspace, questions), workspace)}) == 3
    assert "olympiadbench_prompt.txt" in read_manifest(folders[1]).prompts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Solve it.", "its variables are none; expected text with {question}"),
        ("", "its variables are none"),
        (r"{question} in \boxed{}", "its variables are '', 'question'; .*any other brace is written twice"),
        ("{question} {answer}", "its variables are 'answer', 'question'"),
        ("{question} {", "expected text with {question}"),
        ("{question!z}", "expected text with {question}"),
    ],
)
def test_a_file_that_is_no_prompt_is_one_message(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_prompt(write(tmp_path / "mine.txt", text))


def test_a_file_in_another_encoding_or_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_bytes("{question} é".encode("latin-1"))
    with pytest.raises(InputError, match="is not text in UTF-8"):
        read_prompt(str(tmp_path / "mine.txt"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no such file"):
        read_prompt(str(tmp_path / "empty"))
