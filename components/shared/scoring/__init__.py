"""Scorers: one number for each text, from a model with one output (a fail rate, a reward)."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from components.shared import speaking
from components.shared.accelerators import num_accelerators
from components.shared.config.scoring import ScorerConfig
from components.shared.errors import InputError
from components.shared.models.files import read_object
from components.shared.models.purposes import Use
from components.shared.templates.marked_text import MarkedText

# Rows that are sorted by length together. 4096 rows of 2,000 tokens are 64 MB, and hardly any batch has padding.
WINDOW_ROWS = 4096

TOO_LONG = "too_long"  # more tokens than the scorer takes: nothing is cut
OUT_OF_MEMORY = "out_of_memory"  # a text by itself takes more memory than there is; the scorer lives on

ACCEPTED = (
    "expected a sequence-classification model with one output, such as train_scorer makes, or, with --scorer-engine "
    "vllm, a reward model (…RewardModel) that needs no code of its own"
)


K = TypeVar("K")  # of the caller, returned unchanged with the score; for the rows of a folder, a RowKey


@dataclass(frozen=True, kw_only=True, slots=True)
class Text(Generic[K]):
    """One text to score."""

    key: K
    text: str | MarkedText  # without marks, all of it comes from a row


@dataclass(frozen=True, kw_only=True, slots=True)
class Score(Generic[K]):
    """The score of one text."""

    key: K
    num_tokens: int
    value: float | None  # None: it has no score, for ``reason``; may be NaN or infinite
    reason: str = ""  # TOO_LONG, OUT_OF_MEMORY or KILLED_THE_ENGINE
    detail: str = ""


Announce = Callable[[list[Any]], None]  # gets the keys of each batch of texts before the scorer begins it


class Scorer(Protocol):
    """A model that gives each text one number."""

    arithmetic: str  # what it computes in, and why; "" for no model of ours

    def score(self, texts: Iterable[Text[K]]) -> Iterator[Score[K]]:
        """Yield one score for each text, in any order; holds at most WINDOW_ROWS texts at a time.

        The caller takes all of them, or closes the scorer. A value depends on its text alone, not on other texts or
        padding, up to the rounding of another batch shape (benchmarks/README.md, "Scoring").
        """

    def close(self) -> None:
        """Release the accelerator; a second call does nothing."""


def open_scorer(config: ScorerConfig, model_folder: Path | None, *, add_special_tokens: bool) -> Scorer:
    """Load the scorer in ``model_folder`` (None: only for the scripted one) with the engine that ``config`` names.

    ``add_special_tokens``: False for conversations, which have them; otherwise the tokenizer adds its own (BOS).
    """
    with speaking.phase(f"loading {model_folder}"):
        return _open_scorer(config, model_folder, add_special_tokens)


def _open_scorer(config: ScorerConfig, model_folder: Path | None, add_special_tokens: bool) -> Scorer:
    if config.scorer_engine == "scripted":
        from components.shared.scoring._scripted_scorer import ScriptedScorer

        return ScriptedScorer(config.max_tokens)
    assert model_folder is not None
    if config.scorer_engine == "vllm":
        from components.shared.scoring.vllm_pooling import VllmPooling

        return VllmPooling(
            model_folder,
            add_special_tokens=add_special_tokens,
            max_tokens=config.max_tokens,
            tensor_parallel_size=config.tensor_parallel_size,
            gpu_memory_fraction=config.gpu_memory_fraction,
        )
    open_classifier = partial(
        _open_classifier,
        model_folder,
        add_special_tokens=add_special_tokens,
        max_tokens=config.max_tokens,
        max_batch_tokens=config.max_batch_tokens,
    )
    if not num_accelerators():
        return open_classifier()
    from components.shared.scoring._scorer_process import ScorerProcess

    return ScorerProcess(open_classifier)


def _open_classifier(model_folder: Path, announce: Announce | None = None, **options: Any) -> Scorer:
    from components.shared.scoring.sequence_classifier import SequenceClassifier

    return SequenceClassifier(model_folder, announce, **options)


def check_scorer_engine(engine: str) -> None:
    """Raise InputError if this environment lacks the engine's package."""
    if engine == "vllm" and importlib.util.find_spec("vllm") is None:
        raise InputError(
            "--scorer-engine vllm needs the package 'vllm', which this environment lacks; run it in an environment "
            "that has vllm, or pass --scorer-engine transformers"
        )


def check_scorer(model_folder: Path, option_name: str, engine: str) -> None:
    """Raise InputError unless the folder's model has one output, and the engine can run it without remote code.

    A language model would load as well, with a head of random numbers. Loads no weights.
    """
    config = read_object(model_folder / "config.json")
    architecture = ", ".join(config.get("architectures") or ["none"])
    num_outputs = len(config.get("id2label") or ()) or int(config.get("num_labels") or 2)  # transformers' default
    is_classifier = architecture.endswith("ForSequenceClassification") and num_outputs == 1
    # These have one output, no labels, and a head that transformers' classifiers would replace by random numbers.
    # A process reward model has two, and several places in a text where they count.
    is_reward_model = engine == "vllm" and re.search("(?<!Process)RewardModel$", architecture) is not None
    if not is_classifier and not is_reward_model:
        raise InputError(
            f"{option_name} {model_folder}: not a scorer (architecture {architecture}, {num_outputs} outputs); "
            f"{ACCEPTED}"
        )
    from components.shared.scoring.encoding import check_loadable

    check_loadable(model_folder, option_name)
    from components.shared.models.loading import check_weights

    check_weights(model_folder, f"{option_name} {model_folder}", Use.REWARD_MODEL if is_reward_model else Use.SCORER)


def too_long(key: K, num_tokens: int, max_tokens: int) -> Score[K]:
    """Return the missing score of a text that is too long and never cut."""
    detail = f"{num_tokens} tokens; the scorer takes {max_tokens}"
    return Score(key=key, num_tokens=num_tokens, value=None, reason=TOO_LONG, detail=detail)
