"""What only a model that is opened shows: weights against the architecture, the tokenizer against both."""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from transformers.models.auto.auto_mappings import CONFIG_MAPPING_NAMES  # without PyTorch, unlike AutoConfig

from components.shared.errors import InputError
from components.shared.models.files import read_object
from components.shared.models.purposes import NO_CODE, Use
from components.shared.models.tokenizers import PROBE, load_tokenizer, round_trip

# How names of architectures end, and what such a model is checked as.
USES = {
    "ForCausalLM": Use.LANGUAGE_MODEL,
    "LMHeadModel": Use.LANGUAGE_MODEL,
    "ForConditionalGeneration": Use.LANGUAGE_MODEL,
    "ForSequenceClassification": Use.SCORER,
    "RewardModel": Use.REWARD_MODEL,
}


def examine(folder: Path, source: str, *, chat: bool) -> None:
    """Raise InputError, in terms of ``source``, where weights, config.json and tokenizer are not of one sound model.

    What needs no PyTorch comes first, because importing that takes seconds: the kind of model and the tokenizer. Then
    the headers of the weights are compared with the architecture; then each weight is read once, to see that it is a
    number.
    """
    config = read_object(folder / "config.json")
    architecture = str(config["architectures"][0])
    otherwise = Use.LANGUAGE_MODEL if chat else Use.SCORER_BASE
    use = next((use for ending, use in USES.items() if architecture.endswith(ending)), otherwise)
    check_kind(str(config.get("model_type")), use, source)
    tokenizer = load_tokenizer(folder)
    if use is Use.LANGUAGE_MODEL and (got := round_trip(tokenizer)) != PROBE:
        raise InputError(
            f"{source}: its tokenizer.json loses part of a text: {_first_difference(got)}; a model with it can neither "
            "be trained nor asked; use the tokenizer files from where the model was published"
        )
    if num_rows := config.get("vocab_size") or (config.get("text_config") or {}).get("vocab_size"):
        _check_vocabulary(folder, tokenizer, int(num_rows), source)
    with _collecting_no_garbage():
        from components.shared.models.loading import check_finite, check_weights

        model = check_weights(folder, source, use)
    if not num_rows:
        _check_vocabulary(folder, tokenizer, int(model.get_input_embeddings().weight.shape[0]), source)
    check_finite(folder, source)


def check_kind(kind: str, use: Use, source: str) -> None:
    """Raise InputError if transformers has no code for models of this kind, the ``model_type`` of config.json."""
    if kind not in CONFIG_MAPPING_NAMES:
        raise InputError(
            f"{source}: transformers cannot load it as {use.value}: it does not know the model_type {kind!r} of "
            f"config.json; {NO_CODE}"
        )


@contextlib.contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """Let Python not look for garbage meanwhile: what an import makes stays, and looking took a fifth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _check_vocabulary(folder: Path, tokenizer: Any, num_rows: int, source: str) -> None:
    """Raise InputError if a token that will be used has no row in the embedding.

    A padding token or one for pictures may have none: nothing writes it.
    """
    pieces = tokenizer.backend_tokenizer.get_vocab(with_added_tokens=False)
    if pieces and (highest := max(pieces.values())) >= num_rows:
        raise InputError(
            f"{source}: the tokenizer has tokens up to {highest}, and the model's embedding {num_rows} rows: they are "
            "not from the same model; use both from where the model was published"
        )
    for what, token in _used_tokens(folder, tokenizer):
        if token >= num_rows:
            raise InputError(
                f"{source}: {what} is token {token}, and the model's embedding has {num_rows} rows only; "
                "add its row (resize_token_embeddings) and train it, or use the tokenizer that belongs to the model"
            )


def _used_tokens(folder: Path, tokenizer: Any) -> Iterator[tuple[str, int]]:
    """Yield what a prompt or an answer holds by itself: the tokens of the chat template, begin and end."""
    template = json.dumps(tokenizer.chat_template or "", ensure_ascii=False)
    for number, token in tokenizer.added_tokens_decoder.items():
        if token.content in template or token.content in (tokenizer.eos_token, tokenizer.bos_token):
            yield f"the token {token.content!r}", number
    for name in ("config.json", "generation_config.json"):
        for key in ("bos_token_id", "eos_token_id"):
            value = read_object(folder / name).get(key)
            for number in value if isinstance(value, list) else [value]:
                if isinstance(number, int):
                    yield f"{key} of {name}", number


def _first_difference(got: str) -> str:
    place = next((at for at, (a, b) in enumerate(zip(PROBE, got, strict=False)) if a != b), min(len(PROBE), len(got)))
    start = max(0, place - 10)
    return f"{PROBE[start : place + 10]!r} comes back as {got[start : place + 10]!r}"
