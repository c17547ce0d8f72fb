"""Texts to tokens, the same way for every engine that scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from transformers import AutoConfig

from components.shared.errors import InputError
from components.shared.models.tokenizers import load_tokenizer
from components.shared.scoring import ACCEPTED, K, Score, Text, too_long
from components.shared.templates.marked_text import of_row
from components.shared.templates.text_encoder import TextEncoder


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded(Generic[K]):
    """One text as tokens."""

    key: K
    ids: list[int]

    def __len__(self) -> int:
        return len(self.ids)


class Encoder:
    """A model's tokenizer, and the longest text that the model takes."""

    def __init__(self, model_folder: Path, *, add_special_tokens: bool, max_tokens: int) -> None:
        self._encoder = TextEncoder(model_folder)
        self._add_special_tokens = add_special_tokens
        self.max_tokens = longest_text(model_folder, max_tokens)

    def encode(self, window: Sequence[Text[K]]) -> tuple[list[Encoded[K]], list[Score[K]]]:
        """Return the texts that the model takes, and a score without a value for each one that is too long."""
        if not window:
            return [], []
        token_lists = self._encoder.ids_of_all(
            [of_row(text.text) if isinstance(text.text, str) else text.text for text in window],
            add_special_tokens=self._add_special_tokens,
        )
        encoded = [
            Encoded(key=text.key, ids=ids or [0])  # an empty text becomes one token: a model needs some input
            for text, ids in zip(window, token_lists, strict=True)
        ]
        fitting = [item for item in encoded if len(item) <= self.max_tokens]
        longer = [item for item in encoded if len(item) > self.max_tokens]
        return fitting, [too_long(item.key, len(item), self.max_tokens) for item in longer]


def longest_text(model_folder: Path, max_tokens: int) -> int:
    """Return the longest text in tokens: ``max_tokens`` (0: no limit), but never more than the model takes.

    InputError if neither says it: some models have no table of positions, such as Bloom, MPT and T5.
    """
    config = AutoConfig.from_pretrained(model_folder, trust_remote_code=False)
    limit = getattr(config.get_text_config(), "max_position_embeddings", None) or 0  # -1: none, in XLNet
    if limit > 0:
        return min(max_tokens or int(limit), int(limit))
    if not max_tokens:
        raise InputError(
            f"{model_folder}: its config.json does not say how long a text may be (max_position_embeddings), and "
            "--max-tokens is 0, which takes the length from there; give --max-tokens a number of tokens"
        )
    return max_tokens


def check_loadable(model_folder: Path, option_name: str) -> None:
    """Raise InputError if the model or its tokenizer are of a kind that transformers does not know by itself."""
    try:
        AutoConfig.from_pretrained(model_folder, trust_remote_code=False)
    except (ValueError, OSError) as error:
        raise InputError(
            f"{option_name} {model_folder}: transformers cannot load it without remote code, which is never run; "
            f"{ACCEPTED} ({str(error).strip().splitlines()[0]})"
        ) from error
    load_tokenizer(model_folder)  # it raises its own message
