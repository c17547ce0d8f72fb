from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import pytest

from components.shared.engines import Completion, Engine, Request, Result, Sampling
from components.shared.engines.stream import answer_parts
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace._attempts import MAX_DEATHS
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.output_folders import OutputFolder, Part, RowKey
from components.shared.workspace.plans import Slice
from tests.components.shared.other_processes import as_process, dead_name
from tests.conftest import GivenRowsConfig

SAMPLING = Sampling(temperature=0.0, max_tokens=1)


class LastFirst:
    """An engine that holds all requests before it answers the last one first; or dies at a given one."""

    arithmetic = ""

    def __init__(self, dies_at: Any = None) -> None:
        self.dies_at = dies_at
        self.calls = 0
        self.closed = False

    def generate(self, requests: Iterable[Request[Any]], sampling: Sampling) -> Iterator[Result[Any]]:
        self.calls += 1
        for request in reversed(list(requests)):
            if request.key.row == self.dies_at:
                raise RuntimeError("the engine died")
            completion = Completion(text="x", finish_reason="stop", num_tokens=2)
            yield Result(request=request, completions=(completion,), num_prompt_tokens=5)

    def close(self) -> None:
        self.closed = True


def plan(workspace: Workspace, num_parts: int = 3) -> OutputFolder:
    slices = [Slice(start=4 * number, stop=4 * number + 4) for number in range(num_parts)]
    return workspace.open(GivenRowsConfig(workspace=workspace.uri, content="rows")).begin_rows(Question, slices)


def requests_of(part: Part) -> Iterator[Request[Any]]:
    for index, row in enumerate(range(part.slice.start, part.slice.stop)):
        yield Request(key=RowKey(part, index, row), message="q", seed=row)


def answer(folder: OutputFolder, engine: Engine) -> None:
    for result in answer_parts(folder, lambda: engine, requests_of, SAMPLING):
        part, index, row = result.key.part, result.key.index, result.key.row
        part.settle(index, kept=[Question(id=folder.row_id(row), question="q")])


def test_all_parts_are_one_stream_and_their_rows_keep_their_order(workspace: Workspace) -> None:
    folder, engine = plan(workspace), LastFirst()
    answer(folder, engine)
    rows = list(workspace.read(folder.finish(), Question))
    assert [row.id for row in rows] == [folder.row_id(row) for row in range(12)]
    assert (engine.calls, engine.closed) == (1, True)


def test_tokens_are_counted(workspace: Workspace) -> None:
    folder = plan(workspace)
    answer(folder, LastFirst())
    metrics = read_manifest(folder.finish()).metrics
    assert (metrics["prompt_tokens"], metrics["output_tokens"]) == (60, 24)


def test_the_manifest_says_what_each_pod_computed_in(workspace: Workspace) -> None:
    for arithmetic, num_results in (("fp32 (it has AVX2 alone)", 4), ("bf16 (it has AVX512-BF16)", 8)):
        folder, engine = plan(workspace), LastFirst()
        engine.arithmetic = arithmetic
        for result in islice(answer_parts(folder, partial(_same, engine), requests_of, SAMPLING), num_results):
            part, index, row = result.key.part, result.key.index, result.key.row
            part.settle(index, kept=[Question(id=folder.row_id(row), question="q")])
        folder.leases.release()
    folder.finish()
    assert read_manifest(folder.uri).arithmetic == "bf16 (it has AVX512-BF16); fp32 (it has AVX2 alone)"


def _same(engine: LastFirst) -> LastFirst:
    return engine


def test_where_no_part_is_missing_no_engine_is_opened(workspace: Workspace) -> None:
    answer(plan(workspace), LastFirst())
    again = plan(workspace)
    assert not list(answer_parts(again, lambda: pytest.fail("an engine was opened"), requests_of, SAMPLING))


def test_an_engine_that_dies_is_closed_and_only_unfinished_parts_are_asked_again(workspace: Workspace) -> None:
    dying, engine = LastFirst(dies_at=2), LastFirst()
    with as_process(dead_name()):
        first = plan(workspace)
    with pytest.raises(RuntimeError, match="the engine died"):
        answer(first, dying)
    assert dying.closed
    asked: list[int] = []

    def watched(part: Part) -> Iterator[Request[Any]]:
        asked.append(part.number)
        return requests_of(part)

    folder = plan(workspace)
    for result in answer_parts(folder, lambda: engine, watched, SAMPLING):
        part, index, row = result.key.part, result.key.index, result.key.row
        part.settle(index, kept=[Question(id=folder.row_id(row), question="q")])
    assert asked == [0]
    assert read_manifest(folder.finish()).rows_out == 12


def test_suspect_parts_are_asked_one_lease_at_a_time_so_that_other_pods_find_some(workspace: Workspace) -> None:
    for _ in range(MAX_DEATHS):
        with as_process(dead_name()):
            assert len(list(plan(workspace, 20).missing_parts())) == 20
    pods = [plan(workspace, 20), plan(workspace, 20)]
    engines = [LastFirst(), LastFirst()]
    streams = [_settled(folder, engine) for folder, engine in zip(pods, engines, strict=True)]
    made = [0, 0]
    for pod in [0, 1] * 10:  # in turns: each finds a part, whatever the other one has
        made[pod] += len(list(islice(streams[pod], 4)))
    assert made == [40, 40]
    assert [list(stream) for stream in streams] == [[], []]
    assert read_manifest(pods[0].finish()).rows_out == 80


def _settled(folder: OutputFolder, engine: Engine) -> Iterator[int]:
    for result in answer_parts(folder, lambda: engine, requests_of, SAMPLING):
        part, index, row = result.key.part, result.key.index, result.key.row
        part.settle(index, kept=[Question(id=folder.row_id(row), question="q")])
        yield part.number
