"""Whether a training is sound: loss, gradient and weights are finite, in all processes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from transformers import Trainer

from components.shared.models.loading import is_finite

FIGURES = {"loss": "the loss", "grad_norm": "the norm of the gradient"}  # of a step, as transformers logs them


class Soundness:
    """Checks the steps of a training, and the weights before they are used."""

    def __init__(self, trainer: Trainer, rows: list[int]) -> None:
        self._trainer = trainer
        self._batch = trainer.data_collator([trainer.train_dataset[index] for index in rows])

    def fault_of_step(self, figures: Mapping[str, float]) -> str:
        """Return which figure of a step is NaN or infinite, the same in all processes; "" if none is."""
        faults = [f"{words} is {figures[key]}" for key, words in FIGURES.items() if not math.isfinite(figures[key])]
        return " and ".join(faults)

    def fault_of_weights(self) -> str:
        """Return why the present weights cannot be used; "" if they are sound.

        Finite weights alone are not enough: the loss of the first rows has to be finite as well.
        """
        device = self._trainer.args.device
        parameters = [getattr(each, "ds_tensor", each) for each in self._trainer.model.parameters()]  # ZeRO-3's share
        if is_true_anywhere(not all(map(is_finite, parameters)), device):
            return "weights are NaN or infinite"
        loss = self._loss()
        if is_true_anywhere(not math.isfinite(loss), device):
            return f"the loss that the weights give is {loss}"
        return ""

    @torch.no_grad()
    def _loss(self) -> float:
        model = self._trainer.model_wrapped
        model.eval()
        inputs: dict[str, Any] = self._trainer._prepare_inputs(dict(self._batch))
        with self._trainer.compute_loss_context_manager():
            loss = float(self._trainer.compute_loss(model, inputs))
        model.train()
        return loss


def is_true_anywhere(value: bool, device: torch.device) -> bool:
    """Return, in all processes alike, whether it is true in one of them."""
    if not torch.distributed.is_initialized():
        return value
    found = torch.tensor(int(value), device=device)
    torch.distributed.all_reduce(found, op=torch.distributed.ReduceOp.MAX)
    return bool(found)
