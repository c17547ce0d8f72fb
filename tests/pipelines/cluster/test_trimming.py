from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import components

from components.shared.model_imports import COMMAND
from components.steps import config_of
from pipelines.cluster.options import Cluster
from pipelines.cluster.package import package
from pipelines.cluster.run_size import size_of
from pipelines.cluster.submission import Submission, prepare_submission
from pipelines.cluster.trimming import trimmed
from pipelines.compiled_checks import find_defects
from pipelines.compiled_pipeline import CompiledPipeline, PlannedStep, graphs_of
from pipelines.nested import walk
from pipelines.preset_files import preset_names
from tests.source_tree import ROOT

SETTINGS = {
    "answer": ["questions=gs://bucket/q.jsonl", "solver=hf://org/name@main"],
    "laptop": [],
}
WITH_SOLVERS = "solvers=[{source: a, model: random:llama, chat_template: chatml, learning_rate: 1e-5}]"


def prepared(preset: str, *settings: str, gpu_work: Any = "job") -> Any:
    """Return a run as submit prepares it."""
    cluster = Cluster(namespace="kubeflow", allow_tags=True, gpu_work=gpu_work)
    every = [*SETTINGS.get(preset, []), *settings]
    return prepare_submission(Submission(preset=preset, settings=every, workspace="gs://bucket/runs", cluster=cluster))


def told(steps: Sequence[PlannedStep]) -> list[tuple[Any, ...]]:
    """Return what each step is told of its options, and where it stands."""
    every = {step.name: step.name if step.name != COMMAND else "import_model" for step in steps}
    also = {"profile", "pods", "image", "generators", "solvers", "solver"}
    names = {name: set(config_of(step).__dataclass_fields__) | also for name, step in every.items()}
    return [
        (
            step.name,
            step.place,
            step.item,
            {name: step.options[name] for name in step.options if name in names[step.name]},
        )
        for step in steps
    ]


@pytest.mark.parametrize("preset", preset_names())
def test_every_step_is_told_the_same_and_nothing_is_missing(preset: str, tmp_path: Path) -> None:
    run = prepared(preset)
    with package(run, queued=False) as packed:
        assert told(packed.pipeline.planned_steps(packed.arguments)) == told(run.pipeline.planned_steps(run.arguments))
        assert find_defects(packed.pipeline.documents) == []
        loaded = components.load_component_from_file(str(packed.pipeline.path))  # kfp takes it
        assert set(loaded.component_spec.inputs or {}) == set(packed.arguments)
        before, after = size_of(run.pipeline, run.arguments), size_of(packed.pipeline, packed.arguments)
        assert after.steps == before.steps
        assert after.kib < before.kib


def test_the_papers_run_at_64_pods_a_step_stays_under_600_kib() -> None:
    run = prepared("paper", "pods=64")
    with package(run, queued=False) as packed:
        size = size_of(packed.pipeline, packed.arguments)
    assert size.job_pods > 500
    assert size.kib < 600


def test_operating_says_what_the_papers_run_is() -> None:
    text = (ROOT / "manifests/OPERATING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| now, (\d+) pods a step \|(.*)\|$", text, re.MULTILINE)
    assert [pods for pods, _ in rows] == ["8", "64"]
    for pods, row in rows:
        run = prepared("paper", f"pods={pods}")
        with package(run, queued=False) as packed:
            size = size_of(packed.pipeline, packed.arguments)
        said = [int(cell.replace(",", "")) for cell in row.split("|")]
        is_now = [size.steps + size.drivers, size.job_pods, size.nodes, size.kib, size.starts]
        assert said == pytest.approx(is_now, rel=0.05)


def test_what_only_other_arguments_need_goes_with_its_parameters() -> None:
    without, with_solvers = prepared("smoke"), prepared("smoke", WITH_SOLVERS)
    for run, is_there in ((without, False), (with_solvers, True)):
        document = trimmed(run.pipeline.documents, run.steps)[0]
        text = yaml.safe_dump(document)
        assert ("components.evaluate" in text) is is_there
        assert "benchmarks" in document["root"]["inputDefinitions"]["parameters"], "which the first task checks"
    assert "components.evaluate" in yaml.safe_dump(without.pipeline.documents[0])  # which is left as it was


def test_a_branch_that_is_not_taken_is_no_source_of_an_output() -> None:
    run = prepared("smoke")
    spec = trimmed(run.pipeline.documents, run.steps)[0]
    for graph in graphs_of(spec).values():
        named = [value for place, value in walk(graph["dag"].get("outputs", {})) if place.endswith("producerSubtask")]
        waited = [name for task in graph["dag"]["tasks"].values() for name in task.get("dependentTasks", [])]
        read = [
            value
            for place, value in walk(graph["dag"]["tasks"])
            if place.endswith("producerTask") and value is not None
        ]
        assert {*named, *waited, *read} <= set(graph["dag"]["tasks"])


def test_a_trimmed_pipeline_is_a_pipeline(tmp_path: Path) -> None:
    run = prepared("smoke")
    path = tmp_path / "smoke.yaml"
    path.write_text(yaml.safe_dump_all(trimmed(run.pipeline.documents, run.steps)), encoding="utf-8")
    assert CompiledPipeline(path).steps < run.pipeline.steps
