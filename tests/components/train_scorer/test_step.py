import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import InputError
from components.shared.models import fetch_model
from components.shared.records import FailRate
from components.shared.scoring import check_scorer
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import Manifest, read_manifest
from components.train_scorer.config import TrainScorerConfig
from components.train_scorer.step import run
from tests.components.refused import refused
from tests.components.rejects import read_rejects
from tests.conftest import WriteRows


def some_rows(count: int = 24, fail_rates: Sequence[float] = (0.0, 1.0)) -> list[FailRate]:
    """Easy questions begin with a, hard ones with z; a right response says yes."""
    rows = []
    for number in range(count):
        fail_rate = fail_rates[number % len(fail_rates)]
        text = ("zzz" if fail_rate > 0.5 else "aaa") * (1 + number % 3)
        rows.append(
            FailRate(
                id=f"q{number}", question=f"{text} {number}", answer="1", source="given", fail_rate=fail_rate,
                responses=("yes yes", "no no"), correct=(True, False),
            )
        )  # fmt: skip
    return rows


def train(workspace: Workspace, examples: str, model: Path, **options: Any) -> tuple[str, Manifest]:
    given = {"learning_rate": 3e-3, "batch_size": 4, "epochs": 4, "max_tokens": 200, "checkpoint_steps": 0, **options}
    config = TrainScorerConfig(workspace=workspace.uri, examples=examples, model=str(model), **given)
    folder = run(config, workspace)
    return folder, read_manifest(folder)


@pytest.mark.slow
def test_a_difficulty_scorer_learns_the_fail_rate(
    workspace: Workspace, write_rows: WriteRows, tiny_model: Path
) -> None:
    folder, manifest = train(workspace, write_rows(workspace, some_rows(40)), tiny_model, held_out_fraction=0.2)
    metrics = manifest.metrics
    assert metrics["held_out_mse"] < metrics["held_out_mse_of_mean"] / 2
    assert metrics["held_out_spearman"] > 0.7
    assert metrics["train_mse"] < 0.1
    assert metrics["loss_last"] < metrics["loss_first"]
    assert (metrics["examples"], metrics["held_out_examples"]) == (32, 8)
    assert (manifest.rows_in, manifest.rows_out, manifest.kind) == (40, 40, "model")
    check_scorer(fetch_model(folder), "--scorer", "transformers")


@pytest.mark.slow
def test_a_reward_scorer_learns_which_response_is_right(
    workspace: Workspace, write_rows: WriteRows, tiny_model: Path
) -> None:
    _, manifest = train(workspace, write_rows(workspace, some_rows()), tiny_model, target="reward")
    assert manifest.metrics["held_out_mse"] < manifest.metrics["held_out_mse_of_mean"] / 2
    assert manifest.metrics["examples"] + manifest.metrics["held_out_examples"] == manifest.rows_in == 48


def test_the_padding_token_ends_no_example(
    workspace: Workspace, write_rows: WriteRows, tiny_model: Path, tmp_path: Path
) -> None:
    base = tmp_path / "padded_with_eos"
    shutil.copytree(tiny_model, base)
    for name, entry in (("config.json", {"pad_token_id": 2}), ("tokenizer_config.json", {"pad_token": "<|im_end|>"})):
        (base / name).write_text(json.dumps(json.loads((base / name).read_text()) | entry))
    folder, _ = train(
        workspace, write_rows(workspace, some_rows(4)), base, target="reward", chat_template="chatml", epochs=1
    )
    saved = fetch_model(folder)
    config = json.loads((saved / "config.json").read_text())
    assert config["pad_token_id"] not in (None, 2)
    assert config["dtype"] == "bfloat16"
    assert json.loads((saved / "tokenizer_config.json").read_text())["pad_token"] != "<|im_end|>"


def test_over_long_examples_are_rejected_and_not_cut(
    workspace: Workspace, write_rows: WriteRows, tiny_model: Path
) -> None:
    long = FailRate(id="long", question="a" * 300, answer="1", source="given", fail_rate=0.5, responses=(), correct=())
    folder, manifest = train(workspace, write_rows(workspace, [*some_rows(6), long]), tiny_model, epochs=1)
    assert manifest.rejected == {"too_long": 1}
    assert [(row["id"], row["reason"]) for row in read_rejects(folder)] == [("long", "too_long")]
    assert (manifest.rows_in, manifest.rows_out) == (7, 6)


def test_examples_that_are_not_drawn_are_rejected(
    workspace: Workspace, write_rows: WriteRows, tiny_model: Path
) -> None:
    examples = write_rows(workspace, some_rows(8))
    _, manifest = train(workspace, examples, tiny_model, epochs=1, target="reward", max_examples=10)
    assert manifest.rejected == {"not_drawn": 6}
    assert manifest.metrics["examples"] + manifest.metrics["held_out_examples"] == 10


def test_equal_labels_train_with_a_warning_and_without_rank_correlation(
    workspace: Workspace, write_rows: WriteRows, tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    examples = write_rows(workspace, some_rows(8, fail_rates=[1.0]))
    _, manifest = train(workspace, examples, tiny_model, epochs=1, held_out_fraction=0.25)
    assert "all 6 examples have the number 1" in caplog.text
    assert "held_out_spearman" not in manifest.metrics
    assert manifest.metrics["held_out_mse_of_mean"] == 0.0


@pytest.mark.slow
def test_accumulated_passes_train_what_one_pass_trains(
    workspace: Workspace, write_rows: WriteRows, tiny_model: Path
) -> None:
    examples = write_rows(workspace, some_rows(8))
    _, whole = train(workspace, examples, tiny_model, epochs=2, micro_batch_size=4)
    other = Workspace(f"{workspace.uri}-accumulated")
    _, accumulated = train(other, examples, tiny_model, epochs=2, micro_batch_size=1)
    assert accumulated.metrics["train_mse"] == pytest.approx(whole.metrics["train_mse"], rel=0.05)


@pytest.mark.model
def test_two_processes_train_what_one_trains(workspace: Workspace, write_rows: WriteRows, tiny_model: Path) -> None:
    """Of five examples in fours, the last step has one, and the other process none."""
    examples = write_rows(workspace, some_rows(5))
    metrics = []
    for num_processes in (1, 2):
        place = Workspace(f"{workspace.uri}-{num_processes}")
        options = {"num_processes": num_processes, "micro_batch_size": 2, "held_out_fraction": 0.0}
        metrics.append(train(place, examples, tiny_model, epochs=1, **options)[1].metrics)
    one, two = metrics
    assert (one["steps"], one["tokens"]) == (two["steps"], two["tokens"])
    for key in ("loss_first", "loss_last"):
        assert two[key] == pytest.approx(one[key], rel=0.02)


@pytest.mark.slow
def test_the_same_options_give_the_same_model(workspace: Workspace, write_rows: WriteRows, tiny_model: Path) -> None:
    examples = write_rows(workspace, some_rows(8))
    _, first = train(workspace, examples, tiny_model, epochs=1)
    _, second = train(Workspace(f"{workspace.uri}-again"), examples, tiny_model, epochs=1)
    assert first.files == second.files


def test_finished_training_is_reused(
    workspace: Workspace, write_rows: WriteRows, tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    examples = write_rows(workspace, some_rows(4))
    first, _ = train(workspace, examples, tiny_model, epochs=1)
    with caplog.at_level("INFO"):
        second, _ = train(workspace, examples, tiny_model, epochs=1, micro_batch_size=2)
    assert second == first
    assert "reused" in caplog.text


def test_examples_without_responses_cannot_train_a_reward(
    workspace: Workspace, write_rows: WriteRows, tiny_model: Path
) -> None:
    bare = FailRate(id="q", question="a", answer="1", source="given", fail_rate=0.5, responses=(), correct=())
    examples = write_rows(workspace, [bare])
    with refused("has nothing to train a reward scorer on", workspace):
        train(workspace, examples, tiny_model, target="reward")


def test_a_limit_that_leaves_no_example_is_refused(
    workspace: Workspace, write_rows: WriteRows, tiny_model: Path
) -> None:
    with pytest.raises(InputError, match="--max-tokens 2 leaves no example to train on: 4 are longer; raise it"):
        train(workspace, write_rows(workspace, some_rows(4)), tiny_model, max_tokens=2)


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(InputError, match="--target 'length' is not accepted; expected one of difficulty, reward"):
        TrainScorerConfig(workspace="w", examples="e", model="m", target="length")
