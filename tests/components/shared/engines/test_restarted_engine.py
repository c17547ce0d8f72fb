"""An engine that dies is started again in place; what it died of is found out, and nothing else is blamed."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.shared import stopping
from components.shared.engines import Completion, Engine, Request, Result, Sampling, open_engine
from components.shared.engines.stream import answer_parts
from components.shared.errors import EngineDiedError
from components.shared.restarted import MAX_RESTARTS, PROBE
from components.shared.workspace import Workspace
from components.shared.workspace._attempts import work_of
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.output_folders import OutputFolder, Part, RowKey
from tests.components.rejects import read_rejects
from tests.components.shared.engines.test_open_engine import config
from tests.components.shared.other_processes import as_process, dead_name
from tests.components.shared.sample_folders import create_folder, settle

SAMPLING = Sampling(temperature=0.0, max_tokens=4)


class Mortal:
    """Takes up to four requests at once; the messages that it dies of are named."""

    arithmetic = ""

    def __init__(self, dies_of: set[str], log: list[str]) -> None:
        self.dies_of, self.log = dies_of, log

    def generate(self, requests: Iterable[Request[Any]], sampling: Sampling) -> Iterator[Result[Any]]:
        running: list[Request[Any]] = []
        for request in requests:
            self.log.append(request.message)
            if request.message in self.dies_of:
                raise EngineDiedError("it was too much")
            running.append(request)
            if len(running) == 4:
                yield _result(running.pop(0))
        yield from map(_result, running)

    def close(self) -> None:
        self.log.append("closed")


def _result(request: Request[Any]) -> Result[Any]:
    completion = Completion(text="ok", finish_reason="stop", num_tokens=1)
    return Result(request=request, completions=(completion,), num_prompt_tokens=1)


def requests_of(part: Part) -> Iterator[Request[Any]]:
    for row in range(part.slice.start, part.slice.stop):
        yield Request(key=RowKey(part, row - part.slice.start, row), message=f"q{row}", seed=row)


def answer(folder: OutputFolder, engines: Iterator[Engine]) -> None:
    for result in answer_parts(folder, lambda: next(engines), requests_of, SAMPLING):
        part, index = result.key.part, result.key.index
        reason = result.completions[0].finish_reason
        settle(part, index, "" if reason == "stop" else reason)


def test_what_an_engine_was_at_when_it_died_is_tried_alone_after_the_others(workspace: Workspace) -> None:
    folder, log = create_folder(workspace, 12, 4), list[str]()
    answer(folder, (Mortal({"q5"}, log) for _ in range(MAX_RESTARTS + 1)))
    assert read_manifest(folder.finish()).rejected == {"killed_the_engine": 1}
    assert [row["id"] for row in read_rejects(folder.uri)] == ["5"]
    # q2, q3 and q4 were in its hands; then q5 twice alone, after a question that any engine can answer
    first, rest = log[: log.index("closed")], log[log.index("closed") :]
    assert first == [f"q{n}" for n in range(6)]
    others = [PROBE, *(f"q{n}" for n in range(6, 12)), "q2", "q3", "q4"]
    assert rest == ["closed", *others, "q5", "closed", PROBE, "q5", "closed", PROBE, "closed"]


def test_an_engine_that_dies_for_ever_ends_the_process_and_condemns_nothing(workspace: Workspace) -> None:
    with as_process(dead_name()):
        folder = create_folder(workspace, 4, 4)
    with pytest.raises(EngineDiedError, match=f"died {MAX_RESTARTS + 1} times|cannot be restarted"):
        answer(folder, (Mortal({"q0", "q1", PROBE}, []) for _ in range(9)))
    part = next(create_folder(workspace, 4, 4).missing_parts())
    assert not any(part.lease.must_be_alone(index) for index in range(4))


def test_an_engine_that_cannot_be_started_again_ends_the_process(workspace: Workspace) -> None:
    def engines() -> Iterator[Engine]:
        yield Mortal({"q0"}, [])
        raise RuntimeError("no such device")

    with pytest.raises(EngineDiedError, match=r"cannot be restarted: .*no such device"):
        answer(create_folder(workspace, 4, 4), engines())


@pytest.mark.parametrize("alone", [False, True])
def test_an_engine_that_ends_because_the_step_is_stopped_died_of_nothing(
    alone: bool, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = create_folder(workspace, 4, 4)
    if alone:
        with as_process(dead_name()):
            next(create_folder(workspace, 4, 4).missing_parts()).lease.died(2)
    engines = [Mortal({"q2"}, [])]
    monkeypatch.setattr(stopping, "_wake", asked := threading.Event())
    monkeypatch.setattr(engines[0], "close", lambda: None)
    monkeypatch.setattr(engines[0], "dies_of", _Stopping(asked))
    with pytest.raises(stopping.Stopped):
        answer(folder, iter(engines))
    folder.leases.release()
    folder.leases.look([work_of(0)])
    assert folder.leases.standing.rows == (Counter([(work_of(0), 2)]) if alone else Counter())


class _Stopping:
    """The texts that an engine dies of because a signal came: q2."""

    def __init__(self, asked: threading.Event) -> None:
        self._asked = asked

    def __contains__(self, message: str) -> bool:
        if message == "q2":
            self._asked.set()
        return message == "q2"


def test_deaths_are_remembered_by_the_next_process(workspace: Workspace) -> None:
    deadly = {"q0", "q3", "q6", "q9"}
    attempts = 0
    finished = False
    while not finished and attempts < 7:
        with as_process(dead_name()):
            folder = create_folder(workspace, 12, 4)
        attempts += 1
        with contextlib.suppress(EngineDiedError):
            answer(folder, (Mortal(deadly, []) for _ in range(9)))
            finished = True
    assert read_manifest(folder.finish()).rejected == {"killed_the_engine": 4}
    assert attempts > 2


@pytest.mark.model
def test_vllm_is_started_again_when_its_process_is_killed(
    tiny_model: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VLLM_ENABLE_V1_MULTIPROCESSING", "1")  # as on a GPU
    folder = create_folder(workspace, 200, 40)  # more than vLLM holds at once: it dies with work in its hands
    opened: list[Engine] = []

    def open_model() -> Engine:
        engine = open_engine(config(max_model_len=256), str(tiny_model))
        opened.append(engine)
        return engine

    for number, result in enumerate(answer_parts(folder, open_model, requests_of, SAMPLING)):
        if number == 0:
            (child,) = multiprocessing.active_children()
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
        settle(result.key.part, result.key.index)

    assert len(opened) == 2
    manifest = read_manifest(folder.finish())
    assert (manifest.rows_out, manifest.rejected) == (200, {})
    for process in multiprocessing.active_children():
        process.join(timeout=60)
    assert multiprocessing.active_children() == []


@pytest.mark.model
def test_a_request_that_vllm_does_not_take_is_refused_and_the_others_go_on(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine: Any = open_engine(config(max_model_len=256), str(tiny_model))
    encode = engine.encode
    monkeypatch.setattr(engine, "encode", lambda request: [10**6] if request.key == 1 else encode(request))
    results = engine.generate([Request(key=n, message="q", seed=n) for n in range(3)], SAMPLING)
    by_key = {result.request.key: result.completions[0] for result in results}
    engine.close()
    assert by_key[1].finish_reason == "refused"
    assert "1000000" in by_key[1].detail
    assert {by_key[0].finish_reason, by_key[2].finish_reason} <= {"stop", "length"}
