"""A training that diverges is a failure, whatever the kind, and the last checkpoint that it leaves is good."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from components.shared.config.training import TrainingConfig
from components.shared.errors import InputError
from components.shared.models.loading import check_finite
from components.shared.training._checkpoints import CheckpointStore, draw_name
from components.shared.workspace import Workspace
from tests.components.shared.small_trainings import TRAININGS, Run, sft
from tests.conftest import WriteRows

pytestmark = pytest.mark.slow

TOO_FAST = {"learning_rate": 1e20}


def diverge(run: Run, config: TrainingConfig, workspace: Workspace) -> str:
    """Run a training that diverges, as its command does; return its message."""
    with pytest.raises(InputError) as raised:
        run(config, workspace)
    workspace.release()
    return str(raised.value)


def checkpoint_in(message: str) -> str:
    """Return the address of the checkpoint that a message names."""
    uri = message.partition("the last good checkpoint is ")[2].partition("; the same command")[0]
    assert Path(uri).is_dir(), message
    return uri


@pytest.mark.parametrize("make", TRAININGS)
def test_a_learning_rate_that_is_far_too_high_ends_the_training(
    make: Callable[..., tuple[Run, TrainingConfig]], workspace: Workspace, tiny_model: Path, write_rows: WriteRows
) -> None:
    run, config = make(workspace, tiny_model, write_rows, **TOO_FAST)
    message = diverge(run, config, workspace)
    assert message.startswith("training diverged at step ")
    assert "start it with a lower --learning-rate than 1e+20" in message
    assert not workspace.open(config).finished
    assert not list(Path(workspace.uri, config.step).rglob("model"))


def test_the_last_checkpoint_is_named_and_good_and_the_same_command_ends_the_same_way(
    workspace: Workspace, tiny_model: Path, write_rows: WriteRows, tmp_path: Path
) -> None:
    run, config = sft(
        workspace, tiny_model, write_rows, **TOO_FAST, warmup_fraction=0.2
    )  # the rate of the first step is 0
    message = diverge(run, config, workspace)
    uri = checkpoint_in(message)
    assert [path.name for path in Path(uri).parent.iterdir()] == [Path(uri).name]
    checkpoint = CheckpointStore(str(Path(uri).parent), config.layout).restore_latest(tmp_path / "restored")
    assert checkpoint is not None
    assert checkpoint.step == 1
    check_finite(Path(checkpoint.folder), "the checkpoint")
    optimizer = torch.load(Path(checkpoint.folder, "optimizer.pt"), weights_only=True)
    assert all(value.isfinite().all() for state in optimizer["state"].values() for value in state.values())

    assert diverge(run, config, workspace) == message


def test_a_checkpoint_whose_first_step_diverges_is_given_up_for_the_one_before(
    workspace: Workspace, tiny_model: Path, write_rows: WriteRows, tmp_path: Path
) -> None:
    run, config = sft(workspace, tiny_model, write_rows, **TOO_FAST, warmup_fraction=0.2)
    good = checkpoint_in(diverge(run, config, workspace))
    store = CheckpointStore(str(Path(good).parent), config.layout)
    checkpoint = store.restore_latest(tmp_path)
    assert checkpoint is not None
    file = Path(checkpoint.folder, "model.safetensors")
    save_file({name: 1e20 * value for name, value in load_file(file).items()}, file, {"format": "pt"})
    store.save(Path(checkpoint.folder), draw_name(2), 1.0)
    assert store.find_latest() != good

    assert checkpoint_in(diverge(run, config, workspace)) == good
    assert store.find_latest() == good


def test_without_any_checkpoint_the_message_says_so(
    workspace: Workspace, tiny_model: Path, write_rows: WriteRows
) -> None:
    run, config = sft(workspace, tiny_model, write_rows, **TOO_FAST, checkpoint_steps=0)
    assert diverge(run, config, workspace).endswith("no good checkpoint is left")


def test_what_the_last_step_has_done_counts(workspace: Workspace, tiny_model: Path, write_rows: WriteRows) -> None:
    """The loss and the gradient of the only step are those of the start model; the weights after it are useless."""
    run, config = sft(workspace, tiny_model, write_rows, epochs=1, batch_size=16, learning_rate=1e39)
    assert "training diverged at step 1 of 1: weights are NaN or infinite" in diverge(run, config, workspace)


def test_a_model_that_gives_no_number_from_the_start_is_named(
    workspace: Workspace, tiny_model: Path, write_rows: WriteRows, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    model.model.norm.weight.data.fill_(1e38)
    model.save_pretrained(tmp_path / "huge")
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(tmp_path / "huge")
    run, config = sft(workspace, tmp_path / "huge", write_rows, learning_rate=1e-5)
    message = diverge(run, config, workspace)
    assert "at step 1, before any weight has changed: nothing can be computed with --model" in message


@pytest.mark.model
@pytest.mark.parametrize("parallelism", ["none", "zero3"])
def test_all_processes_of_a_training_that_diverges_end_with_one_message(
    workspace: Workspace, tiny_model: Path, write_rows: WriteRows, parallelism: str
) -> None:
    options = {"num_processes": 2, "parallelism": parallelism, "warmup_fraction": 0.2, **TOO_FAST}
    run, config = sft(workspace, tiny_model, write_rows, **options)
    assert checkpoint_in(diverge(run, config, workspace))
