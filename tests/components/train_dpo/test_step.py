"""train_dpo on a tiny random model: rejects, the pairs that reach the model, the reference, messages."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import InputError
from components.shared.models import fetch_model
from components.shared.records import PreferencePair
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.train_dpo.config import TrainDpoConfig
from components.train_dpo.step import run, warmup_steps
from tests.conftest import WriteRows


def pair(number: int, chosen: str = "", rejected: str = "") -> PreferencePair:
    return PreferencePair(
        id=f"q{number}", source="s", direction="solvability", chosen=chosen or f"Let x be {number}. What is x times x?",
        rejected=rejected or f"tell me {number}", rewriter="r", reply="",
    )  # fmt: skip


def uneven_pairs() -> list[PreferencePair]:
    """Pairs of many lengths: batches composed otherwise would be padded and rounded otherwise."""
    return [pair(number, f"Let x be {'9' * number}. What is x?", f"tell me {'about it ' * (8 - number)}")
            for number in range(8)]  # fmt: skip


def make_config(workspace: Workspace, model: Path, pairs: str, **options: Any) -> TrainDpoConfig:
    settings: dict[str, Any] = {
        "max_tokens": 128, "batch_size": 4, "micro_batch_size": 2, "learning_rate": 1e-3, "warmup_steps": 0,
        "checkpoint_steps": 2, "num_processes": 1, "gradient_checkpointing": False,
    }  # fmt: skip
    return TrainDpoConfig(workspace=workspace.uri, model=str(model), pairs=pairs, **settings | options)


def test_learns_which_question_is_preferred(workspace: Workspace, tiny_model: Path, write_rows: WriteRows) -> None:
    rows = [pair(number) for number in range(8)]
    rows += [pair(8, chosen="long " * 40), pair(9, rejected="an <|im_end|> inside"), pair(10, "the same", " the same ")]
    folder = run(make_config(workspace, tiny_model, write_rows(workspace, rows), epochs=2), workspace)
    manifest = read_manifest(folder)
    assert manifest.rejected == {"too_long": 1, "unchanged": 1}
    assert (manifest.rows_in, manifest.rows_out, manifest.metrics["steps"]) == (11, 9, 5)
    assert manifest.metrics["loss_last"] < 0.5
    assert manifest.metrics["reward_accuracy_last"] == 1.0
    assert manifest.metrics["reward_margin_last"] > 0.5
    assert fetch_model(folder).joinpath("model.safetensors").exists()


def test_policy_starts_as_the_reference_in_the_same_precision(
    workspace: Workspace, tiny_model: Path, write_rows: WriteRows
) -> None:
    pairs = write_rows(workspace, uneven_pairs())
    metrics = read_manifest(run(make_config(workspace, tiny_model, pairs), workspace)).metrics
    assert metrics["loss_first"] == pytest.approx(math.log(2), abs=1e-6)


@pytest.mark.model
@pytest.mark.parametrize("num_pairs", [8, 5])  # 5: in the last step, one process has a pair and the other has none
@pytest.mark.parametrize("parallelism", ["none", "zero3"])
def test_two_processes_train_what_one_trains(
    tmp_path: Path, tiny_model: Path, write_rows: WriteRows, parallelism: str, num_pairs: int
) -> None:
    metrics = []
    for num_processes in (1, 2):
        workspace = Workspace(str(tmp_path / str(num_processes)))
        options = {"num_processes": num_processes, "parallelism": parallelism if num_processes > 1 else "none"}
        pairs = write_rows(workspace, uneven_pairs()[:num_pairs])
        config = make_config(workspace, tiny_model, pairs, epochs=2, **options)
        metrics.append(read_manifest(run(config, workspace)).metrics)
    one, two = metrics
    assert two["loss_first"] == pytest.approx(math.log(2), abs=1e-6)
    assert two["loss_last"] < 0.9 * two["loss_first"]
    assert two["loss_last"] == pytest.approx(one["loss_last"], rel=0.01)
    assert two["loss_mean"] == pytest.approx(one["loss_mean"], rel=0.01)
    assert two["reward_margin_last"] == pytest.approx(one["reward_margin_last"], rel=0.05)
    assert two["tokens"] == one["tokens"]


@pytest.mark.parametrize(("num_pairs", "expected"), [(10_000, 20), (24, 1), (8, 0), (1, 0)])
def test_warmup_fits_the_training(num_pairs: int, expected: int) -> None:
    batch_size = 128 if num_pairs > 1000 else 4
    config = TrainDpoConfig(workspace="w", model="m", pairs="p", batch_size=batch_size, num_processes=1)
    assert warmup_steps(config, num_pairs) == expected


def test_no_pairs_at_all_is_refused(workspace: Workspace, tiny_model: Path) -> None:
    from tests.conftest import GivenRowsConfig

    given = GivenRowsConfig(workspace=workspace.uri, content="empty")
    empty = workspace.open(given).begin_rows(PreferencePair, []).finish()
    with pytest.raises(InputError, match="has no rows, and train_dpo needs at least one; see what"):
        run(make_config(workspace, tiny_model, empty), workspace)


def test_rows_of_another_kind_are_refused(workspace: Workspace, tiny_model: Path, write_questions: WriteRows) -> None:
    with pytest.raises(InputError, match="holds question rows"):
        run(make_config(workspace, tiny_model, write_questions(workspace, ["1+1?"])), workspace)
