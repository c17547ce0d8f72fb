"""The model that a training starts from: complete, sound and of a shape that fits the options, otherwise refused."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from components.shared.accelerators import num_accelerators
from components.shared.config.training import TrainingConfig
from components.shared.errors import InputError
from components.shared.models.loading import check_finite, check_weights
from components.shared.models.purposes import Use
from components.shared.models.tokenizers import load_tokenizer


class StartModel:
    """A model folder that was checked: it can be trained with the given options."""

    def __init__(self, folder: Path, config: TrainingConfig, *, as_scorer: bool = False) -> None:
        """Raise InputError if the model cannot be loaded as what it is to be, is broken, or is too small."""
        self.folder = folder
        self._named = f"--model {config.model}"
        self._tokenizer = load_tokenizer(folder)
        model = check_weights(folder, self._named, Use.SCORER_BASE if as_scorer else Use.LANGUAGE_MODEL)
        positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        if positions and config.max_tokens > positions:
            raise InputError(
                f"--max-tokens {config.max_tokens}: {self._named} takes {positions} tokens; give at most that"
            )
        self._num_embedded: int = model.get_input_embeddings().num_embeddings
        if self._tokenizer.pad_token_id is not None:
            self.check_tokens([self._tokenizer.pad_token_id])
        check_finite(folder, self._named)

    def check_tokens(self, ids: Iterable[int]) -> None:
        """Raise InputError if the tokenizer makes a token for which the model has no embedding."""
        largest = max(ids, default=0)
        if largest >= self._num_embedded:
            raise InputError(
                f"{self._named}: its tokenizer makes the token {self._tokenizer.convert_ids_to_tokens(largest)!r} of "
                f"id {largest}, and its embedding has {self._num_embedded} rows; resize the embedding of the model, or "
                "take the tokenizer that belongs to it"
            )


def check_processes(config: TrainingConfig) -> None:
    """Raise InputError if there are GPUs, but fewer than processes."""
    available = num_accelerators()
    if available and config.processes_here > available:
        raise InputError(
            f"--num-processes {config.processes_here}: this machine has {available} GPUs, and each process needs its "
            "own; give at most that, or 0 for all of them"
        )
