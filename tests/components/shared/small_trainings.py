"""One small training of each kind, on a tiny model and 16 rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from components.shared.records import FailRate, PreferencePair, Question
from components.shared.workspace import Workspace
from components.train_dpo.config import TrainDpoConfig
from components.train_dpo.step import run as run_dpo
from components.train_scorer.config import TrainScorerConfig
from components.train_scorer.step import run as run_scorer
from components.train_sft.config import TrainSftConfig
from components.train_sft.step import run as run_sft
from tests.conftest import WriteRows

Run = Callable[[Any, Workspace], str]


def sft(workspace: Workspace, model: Path, write_rows: WriteRows, **options: Any) -> tuple[Run, TrainSftConfig]:
    rows = [Question(id=f"q{number}", question=f"What is {number} plus {number}?") for number in range(16)]
    return run_sft, TrainSftConfig(examples=write_rows(workspace, rows), **common(workspace, model, options))


def dpo(workspace: Workspace, model: Path, write_rows: WriteRows, **options: Any) -> tuple[Run, TrainDpoConfig]:
    rows = [
        PreferencePair(
            id=f"q{number}", source="s", direction="solvability", chosen=f"What is {number} plus {number}?",
            rejected=f"tell me {number}", rewriter="r", reply="",
        )
        for number in range(16)
    ]  # fmt: skip
    return run_dpo, TrainDpoConfig(pairs=write_rows(workspace, rows), **common(workspace, model, options))


def scorer(workspace: Workspace, model: Path, write_rows: WriteRows, **options: Any) -> tuple[Run, TrainScorerConfig]:
    rows = [
        FailRate(
            id=f"q{number}", question=f"What is {number}?", answer="1", source="given", fail_rate=number / 16,
            responses=(), correct=(),
        )
        for number in range(16)
    ]  # fmt: skip
    return run_scorer, TrainScorerConfig(examples=write_rows(workspace, rows), **common(workspace, model, options))


def uneven_pairs() -> list[PreferencePair]:
    """Return pairs of uneven length, by which a wrong order or a wrong share of the batches would show."""
    return [
        PreferencePair(
            id=f"q{n}", source="s", direction="solvability", chosen=f"Let x be {'9' * (1 + n % 5)}. What is x + x?",
            rejected=f"tell me {n}", rewriter="r", reply="",
        )
        for n in range(16)
    ]  # fmt: skip


def common(workspace: Workspace, model: Path, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "workspace": workspace.uri, "model": str(model), "max_tokens": 128, "batch_size": 4, "micro_batch_size": 2,
        "checkpoint_steps": 1, "num_processes": 1, "epochs": 3,
    } | options  # fmt: skip


TRAININGS = (sft, dpo, scorer)
