"""A step that asks a real model, killed again and again: each row is accounted for once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from components.shared import storage
from components.shared.manifests import read_manifest
from components.shared.records import Question
from components.shared.rows import Rows
from components.shared.tables import read_table
from components.shared.verification import verify_folder

NUM_QUESTIONS = 48
ROWS_PER_PART = 4
KILLS = 3


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
    rejects = [part.rejects for part in read_manifest(folder).parts if part.rejects]
    rejected = [row["id"] for name in rejects for row in read_table(storage.join(folder, name)).to_pylist()]
    return sorted([row.id for row in Rows([folder], Question)] + rejected)
