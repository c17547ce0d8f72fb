"""Questions of a file of one's own, answered by the whole pipeline, every step a process of its own."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import InputError
from components.shared.records import Example
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.lineage import rows_stages_of, stages_of
from pipelines.arguments import prepare_run
from pipelines.workspace_folders import newest_dataset
from tests.components.shared.engines.served import Answer, reply, serve
from tests.smoke_runs import run_command, run_environment

RECORDS = [
    {"id": f"mine-{number}", "topic": "sums", "question": f"What is {number} + {number}?"} for number in range(1, 6)
]
RECORDS.append(RECORDS[0] | {"id": "again"})


def steps_of(preset: str, *settings: str) -> list[str]:
    """Return the steps that a run would take."""
    return sorted(step.name for step in prepare_run(preset, settings, "runs").steps if not step.passes_on)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """A file of questions with an id and a column of its own."""
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    return path


def answer(body: dict[str, Any], _: int) -> Answer:
    """Answer as a model does that is right in two of three samples, and once in a wordy way."""
    message = body["messages"][-1]["content"]
    if "in JSON" in message:
        return reply('{"answer": "No", "why": "so it is"}' if "3 + 3" in message else '{"answer": "Yes"}')
    words = message.split()
    number = int(words[2]) if words[0] == "What" else 1
    texts = [
        f"So \\boxed{{{2 * number}}}.",
        "So \\boxed{7}.",
        f"Twice {number} is {2 * number}: \\boxed{{{2 * number}}}.",
    ]
    return reply(*(texts * body["n"])[: body["n"]])


def run(workspace: Path, scratch: Path, preset: str, *settings: str) -> subprocess.CompletedProcess[str]:
    command = run_command(preset, str(workspace), *settings)
    return subprocess.run(
        command, env=run_environment(scratch, {}), cwd=scratch, capture_output=True, text=True, check=False
    )


def examples_of(workspace: Path) -> list[Example]:
    return list(Workspace(str(workspace)).read(newest_dataset(str(workspace)), Example))


def test_only_what_is_asked_for_is_done() -> None:
    own = ["questions=mine.jsonl", "solver=hf://org/name@main"]
    assert steps_of("answer", *own) == sorted(
        ["import_questions", "import_model", "generate_responses", "select_responses", "package_dataset"]
    )
    served = ["questions=mine.jsonl", "solver=openai:m", "solver_endpoint=http://host/v1"]
    assert steps_of("answer", *served) == sorted(
        ["import_questions", "generate_responses", "select_responses", "package_dataset"]
    )
    judged = [*served, "judge=openai:other", "reward_model=hf://org/reward@main", "select_by=both"]
    assert steps_of("answer", *judged) == sorted(
        [
            "import_questions",
            "filter_solvability",
            "generate_responses",
            "import_model",
            "score_responses",
            "select_responses",
            "package_dataset",
        ]
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ([], "the preset has no value for .*questions.*; add --set name=value"),
        (
            ["solver=openai:m"],
            "^solver=openai:m is a model behind an endpoint; add --set solver_endpoint=https://…/v1$",
        ),
        (["solver=m", "solver_endpoint=http://host/v1"], "^solver=m, with solver_endpoint: write .* as openai:NAME$"),
        (
            ["solver=openai:m", "solver_endpoint=http://host/v1", "judge=other"],
            "^judge=other, with solver_endpoint: write a served model as openai:NAME$",
        ),
        (["solver=m", "select_by=reward"], "^select_by=reward needs rewards; add --set reward_model=MODEL"),
        (
            ["solver=m", "reward_model=r", "select_by=best"],
            "parameter select_by: 'best' is not accepted; expected one",
        ),
        (
            ["solver=m", "reward_model=r"],
            "^reward_model=r is not used by select_by=agreement; add --set select_by=both",
        ),
    ],
)
def test_settings_that_do_not_fit_together_are_refused_by_name(settings: list[str], message: str) -> None:
    given = ["questions=mine.jsonl", *settings] if settings else []
    with pytest.raises(InputError, match=message):
        prepare_run("answer", given, "runs")


def test_the_figure_takes_no_served_solver_and_says_so() -> None:
    with pytest.raises(
        InputError, match=r"^solver=openai:m is a model behind an endpoint; this pipeline takes none; give a"
    ):
        prepare_run("smoke", ["solver=openai:m"], "runs")


@pytest.mark.slow
def test_a_served_model_answers_and_the_answers_that_agree_are_kept_with_the_columns_of_the_file(
    questions: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "workspace"
    with serve(answer, Answer(body={"data": [{"id": "m"}]})) as served:
        settings = [
            f"questions={questions}",
            "solver=openai:m",
            f"solver_endpoint={served.url}",
            "solver_num_responses=3",
        ]
        done = run(workspace, tmp_path / "scratch", "answer", *settings, "judge=openai:m")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = examples_of(workspace)
    assert [json.loads(row.metadata) for row in rows] == [
        {name: record[name] for name in ("id", "topic")} for record in RECORDS if record["id"] != "mine-3"
    ]
    assert [(row.final_answer, row.num_agreeing, row.num_candidates) for row in rows] == [
        (str(2 * number), 2, 3) for number in (1, 2, 4, 5, 1)
    ]
    assert {row.reward for row in rows} == {None}
    card = storage.read_bytes(storage.join(newest_dataset(str(workspace)), "README.md")).decode()
    assert "of which one was chosen whose final answer most of them have" in card


@pytest.mark.slow
def test_the_smoke_preset_goes_through_judge_model_and_rewards(tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    done = run(workspace, tmp_path / "scratch", "answer-smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [stage.step for stage in rows_stages_of(stages_of(newest_dataset(str(workspace))))]
    assert steps == [
        "import_questions", "filter_solvability", "generate_responses", "score_responses", "select_responses",
        "package_dataset",
    ]  # fmt: skip
    rows = examples_of(workspace)
    assert rows
    assert all(row.answer and row.reward is not None and row.num_agreeing for row in rows)
