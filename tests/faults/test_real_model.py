"""Steps that ask a real model, killed again and again: each row is accounted for once."""

from __future__ import annotations

import logging
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.shared.stores import storage
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.tables import read_table
from tests.faults.killer import Killer
from tests.faults.sameness import assert_accounted_for
from tests.smoke_runs import folders_of, run_command, run_environment

NUM_QUESTIONS = 192  # three times what the engine works on at once, so that parts are done one after another
ROWS_PER_PART = 4
KILLS = 3
# How long the steps take that take long, on two cores: it is their work that is to be killed, not their start.
SECONDS_OF_STEPS = {
    "import_model": 20,
    "train_sft": 45,
    "generate_questions": 28,
    "build_preferences": 38,
    "train_dpo": 25,
    "measure_fail_rate": 60,
    "train_scorer": 30,
    "filter_solvability": 32,
    "generate_responses": 65,
    "score_responses": 65,
}
KILLS_OF_A_RUN = 12

logger = logging.getLogger(__name__)


@pytest.mark.model
@pytest.mark.faults
@pytest.mark.timeout(900)
def test_with_the_real_model_the_ids_and_the_ledger_are_those_of_an_undisturbed_step(
    smollm2: Path, tmp_path: Path
) -> None:
    undisturbed = _run(smollm2, tmp_path / "undisturbed")
    moments = random.Random(0)
    for _ in range(KILLS):
        process = _start(smollm2, tmp_path / "killed")
        before = _num_parts(tmp_path / "killed")
        while _num_parts(tmp_path / "killed") == before:
            assert process.poll() is None, "it was done before it could be killed"
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.5))
        process.kill()
        process.wait()
    assert KILLS <= _num_parts(tmp_path / "killed") < NUM_QUESTIONS // ROWS_PER_PART
    killed = _run(smollm2, tmp_path / "killed")

    assert verify_folder(killed).sound
    assert _ids(killed) == _ids(undisturbed)
    assert [read_manifest(folder).rows_in for folder in (killed, undisturbed)] == [NUM_QUESTIONS] * 2


@pytest.mark.model
@pytest.mark.faults
@pytest.mark.timeout(5400)
def test_a_whole_run_with_the_real_model_accounts_for_each_row_once_however_often_it_was_killed(tmp_path: Path) -> None:
    workspace = str(tmp_path / "workspace")
    killer = Killer(4, KILLS_OF_A_RUN, KILLS_OF_A_RUN, 0.5, SECONDS_OF_STEPS)
    environment = run_environment(tmp_path / "scratch", {})
    kills = killer.run_to_the_end(run_command("laptop", workspace), environment, tmp_path / "run.log")
    logger.info("%d kills: %s", kills, dict(killer.kills))
    assert kills == KILLS_OF_A_RUN
    assert_accounted_for(workspace)
    for folder in [storage.join(workspace, name) for name in folders_of(workspace)]:
        manifest, ids = read_manifest(folder), _ids(folder)
        assert len(set(ids)) == len(ids), folder
        assert manifest.kind == "model" or len(ids) == manifest.rows_in, folder


def _start(model: Path, workspace: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "components.generate_questions", "--workspace", str(workspace)]
    command += ["--model", str(model), "--generator", "smollm2", "--chat-template", "smollm2", "--max-tokens", "24"]
    command += ["--num-questions", str(NUM_QUESTIONS), "--rows-per-part", str(ROWS_PER_PART)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ})


def _run(model: Path, workspace: Path) -> str:
    output, _ = _start(model, workspace).communicate()
    return output.strip()


def _num_parts(workspace: Path) -> int:
    return len(list(workspace.glob("generate_questions/*/part-*.parquet")))


def _ids(folder: str) -> list[str]:
    """Return the ids of all rows, kept and rejected."""
    names = [name for part in read_manifest(folder).parts for name in (part.name, part.rejects) if name]
    return sorted(row["id"] for name in names for row in read_table(storage.join(folder, name)).to_pylist())
