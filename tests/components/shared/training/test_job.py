"""What training processes are told: jobs and rows of token ids survive the way through a file."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from components.shared.training.job import ROWS_PER_BATCH, TrainingJob, write_examples
from components.train_dpo.config import TrainDpoConfig


def test_job_reads_back_as_it_was_written(tmp_path: Path) -> None:
    config = TrainDpoConfig(workspace="w", model="m", pairs="p", beta=0.3, num_processes=1)
    job = TrainingJob(
        config=config, folder=str(tmp_path), model="m", checkpoints_uri="c", end_tokens=("<end>",), seconds_before=2.5
    )
    assert TrainingJob.read(str(job.write()), TrainDpoConfig) == job


def test_how_far_a_training_is_passes_from_its_processes_to_the_step(tmp_path: Path) -> None:
    config = TrainDpoConfig(workspace="w", model="m", pairs="p")
    job = TrainingJob(config=config, folder=str(tmp_path), model="m", checkpoints_uri="c", end_tokens=())
    assert job.read_course() == "before its first step"
    job.write_course("step 6 of 10: 48.0 s/step, 3 min left")
    assert TrainingJob.read(str(job.write()), TrainDpoConfig).read_course() == "step 6 of 10: 48.0 s/step, 3 min left"


def test_examples_are_written_in_batches_and_read_back_in_order(tmp_path: Path) -> None:
    rows = [{"input_ids": [number, 2], "labels": [-100, 2]} for number in range(ROWS_PER_BATCH + 1)]
    assert write_examples(tmp_path / "examples.arrow", iter(rows), ("input_ids", "labels")) == len(rows)
    with pa.OSFile(str(tmp_path / "examples.arrow")) as file:
        batches = list(pa.ipc.open_stream(file))
    assert [batch.num_rows for batch in batches] == [ROWS_PER_BATCH, 1]
    assert pa.Table.from_batches(batches).to_pylist() == rows
