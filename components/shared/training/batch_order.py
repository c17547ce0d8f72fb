"""The order in which a training visits its examples."""

from __future__ import annotations

import random
from collections.abc import Sequence

from components.shared.seeds import derive_seed

WINDOW = 16  # batches within which examples are sorted by length: little padding, and still a random order


def batch_order(lengths: Sequence[int], *, batch_size: int, epochs: int, seed: int) -> list[int]:
    """Return the indices of all epochs in the order of training: random, but with similar lengths together.

    Depends on its arguments only: not on processes or micro-batches, nor on where a resumed run starts.
    """
    order: list[int] = []
    for epoch in range(epochs):
        rng = random.Random(derive_seed(seed, "order", epoch))  # noqa: S311 -- not a secret
        shuffled = rng.sample(range(len(lengths)), len(lengths))
        window = WINDOW * batch_size
        grouped = [
            index
            for start in range(0, len(shuffled), window)
            for index in sorted(shuffled[start : start + window], key=lambda i: -lengths[i])
        ]
        batches = [grouped[start : start + batch_size] for start in range(0, len(grouped), batch_size)]
        whole, rest = [b for b in batches if len(b) == batch_size], [b for b in batches if len(b) < batch_size]
        rng.shuffle(whole)
        order += [index for batch in whole + rest for index in batch]
    return order
