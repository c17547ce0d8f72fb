"""What a model is loaded as."""

from __future__ import annotations

from enum import Enum

NO_CODE = "expected safetensors of an architecture that needs no code of its own"


class Use(Enum):
    """What a model is loaded as; the values are words of messages."""

    LANGUAGE_MODEL = "a language model"
    SCORER = "a scorer"  # its head must exist
    SCORER_BASE = "the start of a scorer"  # one output; a new head if the model is not a scorer yet
    REWARD_MODEL = "a reward model"  # with a head of its own, which transformers does not know
