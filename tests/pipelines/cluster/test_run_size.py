from __future__ import annotations

import base64
import gzip
import json
from datetime import datetime
from typing import Any

import pytest
import yaml

from components.shared.errors import InputError
from pipelines.arguments import prepare_run
from pipelines.cluster.run_size import LIMIT, RunSize, check_size, size_of
from pipelines.compiled_pipeline import CompiledPipeline
from tests.pipelines.cluster.recorded_runs import answer_of, run_of

WHOLE_RUN = "run-succeeded-frozen-at-93-of-380"
ITS_SPEC_BYTES = 441_468  # of its Workflow, which is recorded without it
# Argo looks at a Workflow at most every 10 s: a pod that depends on another one starts that long after it, or when that
# one has ended. A driver is done by then, and so is a step that finds its folder finished.
SECONDS_PER_START = 10


def test_a_run_of_a_real_cluster_had_the_pods_and_nodes_that_are_computed(whole_run: RunSize) -> None:
    nodes = _nodes_of(WHOLE_RUN)
    assert whole_run.pods == sum(node["type"] == "Pod" for node in nodes.values()) == 101
    assert whole_run.nodes == len(nodes) == 380


def test_its_workflow_had_the_size_that_is_computed_within_five_percent(whole_run: RunSize) -> None:
    compressed = _workflow_of(WHOLE_RUN)["status"]["compressedNodes"]
    assert whole_run.node_bytes == pytest.approx(len(compressed), rel=0.05)
    assert whole_run.spec_bytes == pytest.approx(ITS_SPEC_BYTES, rel=0.05)


def test_its_pods_waited_for_each_other_as_computed(whole_run: RunSize) -> None:
    """Of a pod that ended within the time of a start, only that counts; what took longer was work."""
    pods = sorted(
        (_seconds(node) for node in _nodes_of(WHOLE_RUN).values() if node["type"] == "Pod"), key=lambda p: p[1]
    )
    first, last = min(started for started, _ in pods), pods[-1][1]
    way, before = 0, last + 60.0
    for started, ended in reversed(pods):  # back from the end: whatever ended before the next one began
        if ended <= before:
            way, before = way + 1, started
    assert way == pytest.approx(whole_run.starts, abs=3)
    assert last - first > whole_run.starts * SECONDS_PER_START


def test_what_would_outgrow_the_limit_is_refused_with_what_fits() -> None:
    size = RunSize(steps=100, drivers=300, job_pods=0, nodes=900, spec_bytes=LIMIT // 2, node_bytes=LIMIT, starts=80)
    with pytest.raises(
        InputError, match=r"about 1536 KiB, and Argo ends a run in Error that reaches 1024 KiB; about 50"
    ):
        check_size(size)


def test_a_longer_list_of_generators_makes_a_larger_run() -> None:
    sizes = [_size("smoke", f"generators={json.dumps(_generators(number))}") for number in (1, 4)]
    assert sizes[0].steps < sizes[1].steps
    assert sizes[0].node_bytes < sizes[1].node_bytes
    assert sizes[0].starts == sizes[1].starts  # generators are trained side by side
    assert sizes[0].spec_bytes == sizes[1].spec_bytes


def test_too_many_generators_are_refused() -> None:
    with pytest.raises(InputError, match="name fewer models or sources"):
        check_size(_size("smoke", f"generators={json.dumps(_generators(60))}"))


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> RunSize:
    """The size that is computed for the recorded run, from its pipeline and its arguments."""
    run = run_of(WHOLE_RUN)
    path = tmp_path_factory.mktemp("recorded") / "pipeline.yaml"
    documents = [run["pipeline_spec"]["pipeline_spec"], run["pipeline_spec"]["platform_spec"]]
    path.write_text(yaml.safe_dump_all(documents), encoding="utf-8")
    return size_of(CompiledPipeline(path), run["runtime_config"]["parameters"])


def _size(preset: str, *settings: str) -> RunSize:
    run = prepare_run(preset, settings, "gs://bucket/runs")
    return size_of(run.pipeline, run.arguments)


def _generators(number: int) -> list[dict[str, str]]:
    return [{"source": f"g{i}", "model": "random:llama", "chat_template": "chatml"} for i in range(number)]


def _workflow_of(name: str) -> Any:
    return json.loads(answer_of(f"{name}.v1beta1")[1]["pipeline_runtime"]["workflow_manifest"])


def _nodes_of(name: str) -> dict[str, Any]:
    compressed = _workflow_of(name)["status"]["compressedNodes"]
    return dict(json.loads(gzip.decompress(base64.b64decode(compressed))))


def _seconds(node: dict[str, Any]) -> tuple[float, float]:
    return (
        datetime.fromisoformat(node["startedAt"]).timestamp(),
        datetime.fromisoformat(node["finishedAt"]).timestamp(),
    )
