"""Gradients of a training's steps: as the real trainer computes them, and by hand in float64, one row at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainerCallback

from components.shared.arithmetic import of_cpu
from components.shared.training import fine_tuning

Gradients = dict[str, torch.Tensor]


class _Keep(TrainerCallback):  # type: ignore[misc]  # transformers is not typed for us
    """Keeps a copy of the gradients of each step, as the optimizer is about to get them."""

    def __init__(self) -> None:
        self.steps: list[Gradients] = []

    def on_pre_optimizer_step(self, *_: Any, model: Any, **__: Any) -> None:
        self.steps.append({name: each.grad.double() for name, each in model.named_parameters()})


@contextmanager
def in_fp32() -> Iterator[None]:
    """Let trainings compute in fp32, whatever the processor has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fine_tuning, "of_this_machine", lambda: of_cpu(()))
        yield


def gradients_of(trainer: Trainer) -> list[Gradients]:
    """Train, and return the gradients of each step, not clipped; with a learning rate of 0 the model stays."""
    kept = _Keep()
    trainer.args.max_grad_norm = 1e9
    trainer.add_callback(kept)
    trainer.train()
    return kept.steps


def gradients_by_hand(
    model: Any, steps: Iterable[Sequence[Any]], loss: Callable[[Any, Any], torch.Tensor], weigh: Callable[[Any], int]
) -> list[Gradients]:
    """Return the gradients of each step's mean loss in float64; a row has so much ``loss`` in so many ``weigh``."""
    model.double().eval()
    found = []
    for rows in steps:
        model.zero_grad()
        for row in rows:
            torch.autograd.backward(loss(model, row))
        total = sum(map(weigh, rows))
        found.append({name: each.grad / total for name, each in model.named_parameters()})
    return found


def largest_difference(found: Sequence[Gradients], expected: Sequence[Gradients]) -> float:
    """Return the largest difference of two gradients, as a share of the length of the expected one."""
    assert [step.keys() for step in found] == [step.keys() for step in expected]
    return max(
        float(torch.linalg.vector_norm(_flat(one) - _flat(other)) / torch.linalg.vector_norm(_flat(other)))
        for one, other in zip(found, expected, strict=True)
    )


def _flat(gradients: Gradients) -> torch.Tensor:
    return torch.cat([gradients[name].flatten() for name in sorted(gradients)])


def check_rows_weigh_the_same(
    trainer_of: Callable[[int], Any],
    model: Any,
    loss: Callable[[Any, Any], torch.Tensor],
    weigh: Callable[[Any], int] = lambda _: 1,
) -> None:
    """Assert that steps of four rows have the gradients by hand; ``trainer_of`` gets the size of micro batches."""
    expected = None
    for size in (1, 2, 4):
        trainer = trainer_of(size)
        if expected is None:
            rows = [trainer.train_dataset[index] for index in trainer.order]
            expected = gradients_by_hand(model, [rows[:4], rows[4:]], loss, weigh)
        assert largest_difference(gradients_of(trainer), expected) < 1e-5
