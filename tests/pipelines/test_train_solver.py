"""The pipeline `train_solver`, whole, through kfp.local and by a cluster's rules, every step a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from components.shared.models import fetch_model
from components.shared.records import Evaluation, Question, Response, Score
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import Manifest, read_manifest
from tests.pipelines.test_cli import scalequest
from tests.smoke_runs import folders_of, run_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # half a minute on two idle cores


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """What a run of the preset solver-smoke leaves."""
    place = tmp_path_factory.mktemp("solvers")
    kubeflow, repository = place / "kubeflow", Path(__file__).parents[2]
    kubeflow.mkdir()
    command = [sys.executable, "-m", "tests.kubeflow.launcher", str(kubeflow)]
    environment = run_environment(place / "scratch", {"LAUNCHER_STAND_IN": str(kubeflow)})
    result = subprocess.run(
        [*command, "run", "solver-smoke", "--workspace", str(place / "workspace")],
        env=environment | {"PYTHONPATH": f"{repository / 'tests' / 'kubeflow' / 'site'}:{repository}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return Workspace(str(place / "workspace"))


def folders(workspace: Workspace, step: str) -> dict[str, Manifest]:
    """Return the manifests of a step's folders by address."""
    names = [name for name in folders_of(workspace.uri) if name.startswith(f"{step}/")]
    return {uri: read_manifest(uri) for uri in (f"{workspace.uri}/{name}" for name in sorted(names))}


def test_each_solver_answers_the_questions_that_its_start_model_answered(workspace: Workspace) -> None:
    evaluations = folders(workspace, "evaluate")
    asked = [sorted(row.id for row in workspace.read(uri, Evaluation)) for uri in evaluations]
    assert len(asked) == 3  # both have one start model, which is asked once
    assert all(ids == asked[0] for ids in asked)


def test_the_table_has_each_solver_on_each_benchmark_beside_its_start_model(workspace: Workspace) -> None:
    ((table, manifest),) = folders(workspace, "compare_solvers").items()
    assert manifest.inputs["contamination"]
    rows = [row for row in workspace.read(table, Score) if row.benchmark]
    assert {row.benchmark for row in rows} == {"gsm_symbolic", "chain_sum"}
    trained = [row for row in rows if row.before]
    assert len({row.model for row in trained}) == 2
    assert all(row.num_paired == 8 and not row.settings for row in trained)


def test_show_of_the_workspace_prints_the_table(workspace: Workspace) -> None:
    result = scalequest("show", workspace.uri, cwd=Path(workspace.uri))
    assert result.returncode == 0, result.stderr
    assert result.stdout.count(", against llama") == 2


def test_a_solver_brings_the_family_that_it_was_trained_in(workspace: Workspace) -> None:
    solvers = folders(workspace, "train_sft")
    assert len(solvers) == 2
    assert all("### Instruction:" in (fetch_model(uri) / "chat_template.jinja").read_text() for uri in solvers)


def test_no_question_is_trained_on_and_asked(workspace: Workspace) -> None:
    imported = folders(workspace, "import_questions")
    sources = {kind: [uri for uri, each in imported.items() if each.kind == kind] for kind in ("response", "question")}
    trained = {row.question for uri in sources["response"] for row in workspace.read(uri, Response)}
    asked = {row.question for uri in sources["question"] for row in workspace.read(uri, Question)}
    assert trained
    assert asked
    assert not trained & asked
