"""Texts to token ids, in the same way for training, generation and scoring.

A text is encoded as a whole, as the model's makers do it. Control tokens that a template writes are control tokens;
what looks like one in a row's text is plain text. To this end, the tokenizer gets secret names for its control tokens:
only the pieces of a template are rewritten to these names, which no row can contain. The ids are the model's own.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from components.shared.errors import InputError
from components.shared.models.tokenizers import load_tokenizer
from components.shared.templates.marked_text import MarkedText


class TextEncoder:
    """A model's tokenizer, for marked texts."""

    def __init__(self, model_folder: Path) -> None:
        tokenizer = load_tokenizer(model_folder)
        secret = secrets.token_hex(8)  # known to this process alone: no row can contain it, and no id depends on it
        names = {token: f"{token[0]}{secret}{token[1:]}" for token in control_tokens(tokenizer)}
        backend = json.loads(tokenizer.backend_tokenizer.to_str())
        self._names = names
        self._control = re.compile("|".join(map(re.escape, sorted(names, key=len, reverse=True))) or r"(?!)")
        self._backend = backend
        self._tokenizer = _renamed(backend, names)
        for token, name in names.items():
            assert self._tokenizer.token_to_id(name) == tokenizer.backend_tokenizer.token_to_id(token), token

    def ids(self, text: MarkedText, *, add_special_tokens: bool = False) -> list[int]:
        """Return a text's token ids; ``add_special_tokens`` adds those that the tokenizer adds by default."""
        return self.ids_of_all([text], add_special_tokens=add_special_tokens)[0]

    def ids_of_all(self, texts: Sequence[MarkedText], *, add_special_tokens: bool = False) -> list[list[int]]:
        """Return the token ids of each text."""
        encodings = self._tokenizer.encode_batch(
            [self._written(text) for text in texts], add_special_tokens=add_special_tokens
        )
        return [encoding.ids for encoding in encodings]

    def continued(self, prompt: MarkedText, completion: MarkedText) -> tuple[list[int], list[int]]:
        """Return the ids of a prompt, as generation has them, and of its completion: together those of the whole text.

        If a token would span both, which no generated text can have, the completion is encoded by itself.
        """
        prompt_ids, whole = self.ids_of_all([prompt, prompt + completion])
        if whole[: len(prompt_ids)] == prompt_ids:
            return prompt_ids, whole[len(prompt_ids) :]
        return prompt_ids, self._continuing.encode(self._written(completion), add_special_tokens=False).ids

    @cached_property
    def _continuing(self) -> Tokenizer:
        return _renamed(_without_dummy_space(self._backend), self._names)

    def token_id(self, token: str) -> int:
        """Return the id of a control token; InputError if the tokenizer has none of that name."""
        number = self._tokenizer.token_to_id(self._names.get(token, token))
        if number is None:
            raise InputError(f"the tokenizer has no token {token!r}")
        return int(number)

    def _written(self, text: MarkedText) -> str:
        return "".join(
            piece.text if piece.is_of_row else self._control.sub(lambda found: self._names[found[0]], piece.text)
            for piece in text.pieces
        )


def control_tokens(tokenizer: Any) -> list[str]:
    """Return the tokens that are not text: the special ones, and similar ones that the chat template writes.

    DeepSeek's ``<｜User｜>`` and Qwen's ``<think>`` are not marked as special, though they open a turn or a thought.
    Other added tokens are text: spaces, signs like ``÷``.
    """
    template = tokenizer.chat_template or ""
    source = "".join(template.values()) if isinstance(template, Mapping) else template
    return [
        token.content
        for token in tokenizer.added_tokens_decoder.values()
        if token.special or (len(token.content.strip()) > 1 and token.content in source)
    ]


def _renamed(backend: Mapping[str, Any], names: Mapping[str, str]) -> Tokenizer:
    """Return a serialised tokenizer with other names for some of its tokens and the same ids."""
    model = dict(backend["model"])
    if isinstance(model["vocab"], dict):
        model["vocab"] = {names.get(token, token): number for token, number in model["vocab"].items()}
    else:  # Unigram's: pieces with their scores
        model["vocab"] = [[names.get(token, token), score] for token, score in model["vocab"]]
    if model.get("unk_token"):
        model["unk_token"] = names.get(model["unk_token"], model["unk_token"])
    if "merges" in model:  # no merge may build a control token from the letters of a row
        model["merges"] = [pair for pair in map(_pair, model["merges"]) if not _makes_any(pair, names)]
    added = [token | {"content": names.get(token["content"], token["content"])} for token in backend["added_tokens"]]
    tokenizer: Tokenizer = Tokenizer.from_str(json.dumps({**backend, "model": model, "added_tokens": added}))
    return tokenizer


def _makes_any(pair: list[str], names: Mapping[str, str]) -> bool:
    return "".join(pair) in names or not names.keys().isdisjoint(pair)


def _pair(merge: str | list[str]) -> list[str]:
    return merge.split(" ") if isinstance(merge, str) else merge


def _without_dummy_space(backend: Mapping[str, Any]) -> dict[str, Any]:
    """Return a serialised tokenizer that puts no space before a text, as those of SentencePiece do."""
    changed: dict[str, Any] = json.loads(json.dumps(backend))
    for part in (*_parts(changed.get("normalizer")), *_parts(changed.get("pre_tokenizer"))):
        if part["type"] == "Prepend":
            part["prepend"] = ""
        elif part["type"] == "Metaspace":
            part["prepend_scheme"] = "never"
        elif part["type"] == "ByteLevel":
            part["add_prefix_space"] = False
    return changed


def _parts(component: dict[str, Any] | None) -> list[dict[str, Any]]:
    if component is None:
        return []
    inner = [*component.get("normalizers", ()), *component.get("pretokenizers", ())]
    return [component, *(part for each in inner for part in _parts(each))]
