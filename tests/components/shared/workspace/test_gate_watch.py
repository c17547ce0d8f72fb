"""A planted collapse ends its stage within 5 % of its rows; a healthy stage is never stopped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import pytest

from components.filter_solvability.config import FilterSolvabilityConfig
from components.filter_solvability.step import run as judge
from components.generate_questions.config import GenerateQuestionsConfig
from components.generate_questions.step import run as generate
from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run as answer
from components.select_responses.config import SelectResponsesConfig
from components.select_responses.step import run as select
from components.shared.engines import Completion, Request, Result, Sampling, scripted_engine
from components.shared.engines.scripted_engine import ScriptedEngine
from components.shared.errors import ExitCode, GateClosedError
from components.shared.records import Question, Reject, Response
from components.shared.stores import storage
from components.shared.workspace import Workspace, _gate_watch
from components.shared.workspace.ledgers import read_ledger
from components.shared.workspace.manifests import MANIFEST, read_manifest
from components.shared.workspace.output_folders import OutputFolder
from components.shared.workspace.plans import Slice
from components.shared.workspace.unfinished import read_unfinished
from tests.components.rejects import read_content
from tests.components.shared.other_processes import run_pods
from tests.components.shared.sample_folders import some_row
from tests.conftest import WriteRows

ROWS = 2000
PARTS: dict[str, Any] = {"engine": "scripted", "rows_per_part": 20}


class Collapsed(ScriptedEngine):
    """The scripted engine, all of whose replies are the same one; each takes so many seconds."""

    def __init__(self, reply: str, finish_reason: str = "stop", seconds: float = 0.0) -> None:
        super().__init__("collapsed")
        self._seconds = seconds
        self._completion = Completion(text=reply, finish_reason=finish_reason, num_tokens=3)
        self.num_asked = 0

    def generate(self, requests: Iterable[Request[Any]], sampling: Sampling) -> Iterator[Result[Any]]:
        for result in super().generate(requests, sampling):
            self.num_asked += 1
            time.sleep(self._seconds)
            yield Result(
                request=result.request,
                completions=(self._completion,) * result.request.num_samples,
                num_prompt_tokens=1,
            )


def collapse(monkeypatch: pytest.MonkeyPatch, reply: str, finish_reason: str = "stop") -> Collapsed:
    engine = Collapsed(reply, finish_reason)
    monkeypatch.setattr(scripted_engine, "open_engine", lambda *_: engine)
    return engine


def collapse_in_pods(monkeypatch: pytest.MonkeyPatch, reply: str, *seconds: float) -> list[Collapsed]:
    """Give each pod an engine of its own, with the seconds that a reply takes; pods look for parts of others often."""
    engines = [Collapsed(reply, seconds=each) for each in seconds]
    waiting = iter(engines)
    monkeypatch.setattr(scripted_engine, "open_engine", lambda *_: next(waiting))
    monkeypatch.setattr(_gate_watch, "LOOK_SECONDS", 0.02)
    return engines


def generating(workspace: Workspace, gates: str, **options: Any) -> GenerateQuestionsConfig:
    given = PARTS | {"model": "scripted:m", "generator": "g", "num_questions": ROWS} | options
    return GenerateQuestionsConfig(workspace=workspace.uri, gates=gates, **given)


def rows_written(workspace: Workspace, stopped: GateClosedError) -> int:
    """Return how many rows stand in the parts of the folder that a message names."""
    folder = next(word.rstrip(";") for word in str(stopped).split() if word.startswith(workspace.uri))
    unfinished = read_unfinished(folder)
    assert unfinished is not None
    assert unfinished.missing
    plan = unfinished.plan
    return sum(map(len, plan.slices)) - sum(len(plan.slices[int(work[-5:])]) for work in unfinished.missing)


def numbered(number: int) -> list[str]:
    return [f"Ann has {index} apples and Bob has {index + 3}. How many have both?" for index in range(number)]


def test_a_generator_that_repeats_itself_is_stopped(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = collapse(monkeypatch, "What is 2 + 2?")
    with pytest.raises(GateClosedError, match=r"duplicates is 0\.\d+ over \d+ values") as stopped:
        generate(generating(workspace, "generate_questions duplicates <= 0.5 stop"), workspace)
    assert 0 < rows_written(workspace, stopped.value) <= ROWS * 0.05
    assert engine.num_asked <= ROWS * 0.05 + 16
    assert stopped.value.exit_code == ExitCode.GATE_CLOSED


def test_a_generator_that_only_fills_one_template_is_stopped(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.shared.engines._scripted_replies.FORMS", [("What is {a} and {b}?", max)] * 9)
    with pytest.raises(GateClosedError, match="diversity is 0"):
        generate(generating(workspace, "generate_questions diversity >= 0.2"), workspace)


def test_a_solver_that_is_cut_off_is_stopped(
    workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = write_questions(workspace, numbered(ROWS))
    collapse(monkeypatch, "First I", "length")
    config = GenerateResponsesConfig(
        workspace=workspace.uri, questions=questions, model="scripted:m", num_samples=2, num_examples=0,
        gates="generate_responses cut_off <= 0.3 stop", **PARTS,
    )  # fmt: skip
    with pytest.raises(GateClosedError, match=r"cut_off is 1\.000") as stopped:
        answer(config, workspace)
    assert rows_written(workspace, stopped.value) <= ROWS * 0.05


def test_a_judge_that_says_yes_to_all_is_stopped(
    workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = write_questions(workspace, numbered(ROWS * 2))
    collapse(monkeypatch, '{"answer": "Yes"}')
    config = FilterSolvabilityConfig(
        workspace=workspace.uri, questions=questions, model="scripted:j",
        gates="filter_solvability kept <= 0.9", **PARTS,
    )  # fmt: skip
    with pytest.raises(GateClosedError, match=r"kept is 1\.000") as stopped:
        judge(config, workspace)
    assert rows_written(workspace, stopped.value) <= ROWS * 2 * 0.05


def test_a_solver_that_refuses_is_stopped(
    workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    questions = write_questions(workspace, numbered(ROWS))
    collapse(monkeypatch, "I'm sorry, but I can't help with that.")
    config = GenerateResponsesConfig(
        workspace=workspace.uri, questions=questions, model="scripted:m", num_samples=1, num_examples=0,
        gates="generate_responses refusals <= 0.2 stop", **PARTS,
    )  # fmt: skip
    with pytest.raises(GateClosedError, match=r"refusals is 1\.000"):
        answer(config, workspace)


def test_responses_that_do_not_agree_are_stopped(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = [
        Response(id=f"q{index}-{sample}", question_id=f"q{index}", question=f"What is {index}?", answer="", source="s",
                 difficulty=None, sample=sample, response="", final_answer=str(sample), finish_reason="stop",
                 num_tokens=1)
        for index in range(500)
        for sample in range(4)
    ]  # fmt: skip
    config = SelectResponsesConfig(
        workspace=workspace.uri,
        responses=write_rows(workspace, rows, rows_per_part=40),
        by="agreement",
        gates="select_responses agreement >= 0.6 stop",
    )
    with pytest.raises(GateClosedError, match=r"agreement is 0\.250"):
        select(config, workspace)


HEALTHY = (
    "generate_questions duplicates <= 0.4; generate_questions kept >= 0.5; generate_questions cut_off <= 0.3;"
    "generate_questions refusals <= 0.1; generate_questions kept <= 0.99"
)


@pytest.mark.parametrize("num_pods", [1, 4])
def test_no_healthy_run_of_fifty_is_stopped(
    workspace: Workspace, num_pods: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_gate_watch, "LOOK_SECONDS", 0.02)
    for seed in range(50):
        config = generating(workspace, HEALTHY, seed=seed, num_questions=100)
        folder = run_pods(partial(generate, config), workspace.uri, num_pods)
        assert read_manifest(folder).rows_in == 100


def stopped_pods(run: Callable[[Workspace], str], workspace: Workspace, num_pods: int) -> list[GateClosedError]:
    """Return what each of several pods says as a gate stops it."""
    stopped = []

    def run_until_stopped(pod: Workspace) -> str:
        with pytest.raises(GateClosedError) as closed:
            run(pod)
        pod.release()
        stopped.append(closed.value)
        return ""

    run_pods(run_until_stopped, workspace.uri, num_pods)
    return stopped


def test_pods_are_all_stopped_within_a_twentieth_of_the_rows_together(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    collapse_in_pods(monkeypatch, "What is 2 + 2?", *[0.003] * 4)
    config = generating(workspace, "generate_questions duplicates <= 0.5 stop")
    stopped = stopped_pods(partial(generate, config), workspace, 4)
    assert [each.exit_code for each in stopped] == [ExitCode.GATE_CLOSED] * 4
    assert 0 < rows_written(workspace, stopped[0]) <= ROWS * 0.05


def test_a_pod_is_stopped_by_what_others_have_made(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, fast = collapse_in_pods(monkeypatch, "What is 2 + 2?", 0.2, 0.001)
    config = generating(workspace, "generate_questions duplicates <= 0.5 stop")
    first, last = stopped_pods(partial(generate, config), workspace, 2)
    assert slow.num_asked < 20, "it has written a part"
    assert fast.num_asked >= 20
    assert str(first) == str(last), "they have judged the same parts"


def reject_part(folder: OutputFolder) -> None:
    """Reject all rows of the next missing part."""
    part = next(folder.missing_parts())
    for index in range(len(part)):
        part.settle(index, rejected=[Reject(row=some_row(index), reason="length")])


def test_no_pod_finishes_a_folder_whose_parts_together_close_a_gate(workspace: Workspace) -> None:
    config = generating(workspace, "generate_questions kept >= 0.5 stop")
    slices = [Slice(start=start, stop=start + 14) for start in (0, 14)]  # 14 rows are too few for a verdict
    pods = [Workspace(workspace.uri).open(config).begin_rows(Question, slices) for _ in range(2)]
    reject_part(pods[0])
    reject_part(pods[1])
    for pod in pods:
        with pytest.raises(GateClosedError, match=r"kept is 0\.000 over 28 values"):
            pod.finish()
    assert not storage.exists(storage.join(pods[0].uri, MANIFEST))


def test_a_stopped_step_stays_stopped_without_work_until_its_gate_is_changed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = collapse(monkeypatch, "What is 2 + 2?")
    config = generating(workspace, "generate_questions duplicates <= 0.5 stop", num_questions=200)
    with pytest.raises(GateClosedError) as first:
        generate(config, workspace)
    asked = engine.num_asked
    with pytest.raises(GateClosedError) as again:
        generate(config, Workspace(workspace.uri))
    workspace.release()
    assert engine.num_asked == asked
    assert str(again.value) == str(first.value)
    folder = generate(generating(workspace, "", num_questions=200), Workspace(workspace.uri))
    assert engine.num_asked < 200 + 2 * 20, "what stood was asked for again"
    assert read_manifest(folder).rows_in == 200


def test_gates_change_no_address_and_no_row(workspace: Workspace) -> None:
    gated = generate(generating(workspace, HEALTHY, num_questions=60), workspace)
    without = Workspace(f"{workspace.uri}-2")
    folder = generate(generating(without, "", num_questions=60), without)
    assert folder.removeprefix(without.uri) == gated.removeprefix(workspace.uri)
    assert read_content(folder) == read_content(gated)
    assert read_ledger(f"{folder}/part-00000.parquet").watched == {}


def test_a_gate_that_warns_says_so_once_and_the_step_goes_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    collapse(monkeypatch, "What is 2 + 2?")
    with caplog.at_level(logging.WARNING):
        generate(generating(workspace, "generate_questions duplicates <= 0.5 warn", num_questions=200), workspace)
    assert len([record for record in caplog.records if "is not kept" in record.message]) == 1


def test_another_steps_gate_is_none(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    collapse(monkeypatch, "What is 2 + 2?")
    folder = generate(generating(workspace, "filter_language kept >= 0.9", num_questions=200), workspace)
    assert read_manifest(folder).rows_in == 200
