"""Each step that asks a model, against each way in which servers behave: nothing lost, nothing judged unanswered."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
from tenacity.wait import wait_none

from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.stores import retries
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.tables import read_table
from components.steps import config_of
from tests.components.rejects import read_rejects
from tests.components.shared.engines.endpoint_behaviours import (
    ANSWERS,
    BAD,
    QUESTIONS,
    STEPS,
    AllRejected,
    Ends,
    Kept,
    Rejected,
    Zoo,
)
from tests.components.shared.engines.endpoint_zoo import TRAPS, ZOO
from tests.components.shared.engines.served import serve
from tests.conftest import WriteRows

SAMPLES = 2
OPTIONS: dict[str, dict[str, Any]] = {
    "generate_responses": {"num_samples": SAMPLES},
    "measure_fail_rate": {"num_samples": SAMPLES},
    "evaluate": {"num_samples": SAMPLES, "temperature": 0.7},
}
THOUGHTS = {"filter_solvability": "solvability_thought", "measure_fail_rate": "thoughts", "evaluate": "thoughts"}
WRONG_UNANSWERED = "measure_fail_rate"  # an answer without a box is an answer, and wrong
KEEPS_UNANSWERED = "evaluate"  # a question that was asked and not answered is wrong: its verdict says why

CASES = [
    pytest.param(step, zoo, id=f"{step}-{zoo.name}", marks=() if step == STEPS[0] else pytest.mark.slow)
    for step in STEPS
    for zoo in ZOO
]


@pytest.fixture(autouse=True)
def _little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(retries.ENDPOINT_VARIABLE, "1")
    monkeypatch.setattr(retries, "BACKOFF", wait_none())
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(("step", "zoo"), CASES)
def test_rows_are_answered_or_rejected_or_the_step_ends_as_the_server_says(
    step: str, zoo: Zoo, workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = write_questions(workspace, QUESTIONS, answers=ANSWERS)
    for name, value in zoo.environment.items():
        monkeypatch.setenv(name, value)
    with serve(zoo.answer, zoo.models) as served:
        endpoint = served.url.removesuffix("/v1") + zoo.path
        ended = run_step(step, workspace, questions, endpoint)
    if isinstance(zoo.outcome, Ends):
        code, words = ended
        assert (code, zoo.outcome.words in words) == (zoo.outcome.code, True), ended
        written = {path.name for path in (Path(workspace.uri) / step).rglob("*.*")}
        assert zoo.outcome.after or not written
        assert not any(name.startswith(("part-", "_manifest")) for name in written)
        assert not any(secret.strip() in words for secret in zoo.environment.values() if "NO_PROXY" not in secret)
        return
    code, folder = ended
    assert code == 0, ended
    check_rows(step, folder, zoo)


def run_step(step: str, workspace: Workspace, questions: str, endpoint: str) -> tuple[int, str]:
    """Run a step in this process; return its exit code, and the folder or the message."""
    run = importlib.import_module(f"components.{step}.step").run
    config = config_of(step)(
        workspace=workspace.uri,
        questions=questions,  # type: ignore[call-arg]
        model="openai:m",
        engine="openai",
        endpoint=endpoint,
        max_concurrency=2,
        **OPTIONS.get(step, {}),
    )
    try:
        return 0, run(config, workspace)
    except InputError as error:
        return ExitCode.BAD_INPUT, str(error)
    except UnavailableError as error:
        return ExitCode.UNAVAILABLE, str(error)


def check_rows(step: str, folder: str, zoo: Zoo) -> None:
    manifest, rejects = read_manifest(folder), read_rejects(folder)
    kept = [row for part in manifest.parts for row in read_table(f"{folder}/{part.name}").to_pylist()]
    units = SAMPLES if step == "generate_responses" else 1
    if step == KEEPS_UNANSWERED:
        kept, rejects = unanswered_apart(kept, rejects)
    assert manifest.rows_in == len(QUESTIONS) * units == len(kept) + len(rejects)
    match zoo.outcome:
        case Kept(thought=thought):
            assert not rejects
            check_answers(step, kept, 4)
            thoughts = [row.get(THOUGHTS.get(step, "thought")) for row in kept]
            assert all(
                bool(said) == thought for each in thoughts for said in ([each] if isinstance(each, str) else each)
            )
        case Rejected(words=words, reason=reason):
            assert {row["reason"] for row in rejects} == {reason}
            assert len(rejects) == units
            assert all(words in row.get("detail", words) and BAD in str(row) for row in rejects)
            check_answers(step, kept, 3)
        case AllRejected(reasons=reasons) if step in reasons:
            assert {row["reason"] for row in rejects} == {reasons[step]}
            assert not kept
        case _:
            assert step == WRONG_UNANSWERED
            assert {row["fail_rate"] for row in kept} == {1.0}


def unanswered_apart(kept: list[dict[str, Any]], rejects: list[Any]) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return evaluate's rows that were compared, and all others, whose reason is their verdict."""
    assert all(len({*row["verdicts"]}) == 1 for row in kept), "both samples were answered alike"
    judged = [row | {"reason": row["verdicts"][0]} for row in kept]
    is_compared = [row["reason"] in ("right", "wrong") for row in judged]
    unanswered = [row for row, compared in zip(judged, is_compared, strict=True) if not compared]
    return [row for row, compared in zip(judged, is_compared, strict=True) if compared], [*rejects, *unanswered]


def check_answers(step: str, kept: list[dict[str, Any]], questions: int) -> None:
    """Check that what was judged is the reply and nothing else."""
    if step == "measure_fail_rate":
        assert [row["fail_rate"] for row in kept] == [0.0 if row["answer"] == "4" else 1.0 for row in kept]
        assert all(len(row["responses"]) == SAMPLES for row in kept)
    elif step == KEEPS_UNANSWERED:
        assert [row["correct"] for row in kept] == [[row["answer"] == "4"] * SAMPLES for row in kept]
        assert len(kept) == questions
    else:
        assert len(kept) == questions * (SAMPLES if step == "generate_responses" else 1)
    texts = [row[name] for row in kept for name in ("response", "solvability_reply", "reply") if row.get(name)]
    texts += [text for row in kept for text in row.get("responses", ())]
    assert not any(TRAPS in text or "{'" in text for text in texts)
    assert all(row["final_answer"] == "4" for row in kept if "final_answer" in row)
