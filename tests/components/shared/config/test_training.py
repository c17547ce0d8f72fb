from __future__ import annotations

import pytest

from components.shared.errors import InputError
from components.train_sft.config import TrainSftConfig


def test_batch_that_cannot_be_cut_into_micro_batches_is_refused() -> None:
    with pytest.raises(InputError, match="--batch-size 10 cannot be cut into micro-batches of 4 on 2 processes"):
        TrainSftConfig(workspace="w", model="m", examples="e", batch_size=10, micro_batch_size=4, num_processes=2)
