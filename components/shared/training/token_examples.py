"""Texts to token ids for training: a prompt that is given, and what the model is to write, its end token once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from components.shared.models.tokenizers import Continuing, load_tokenizer


@dataclass(frozen=True, kw_only=True)
class TokenExample:
    """A prompt and its completion as token ids."""

    prompt_ids: list[int]
    completion_ids: list[int]

    def __len__(self) -> int:
        return len(self.prompt_ids) + len(self.completion_ids)


class ExampleEncoder:
    """Turns texts that hold all their special tokens into ids; adds none."""

    def __init__(self, model_folder: Path) -> None:
        self._tokenizer = load_tokenizer(model_folder)
        self._continuing = Continuing(self._tokenizer)
        self._special = {number for number, token in self._tokenizer.added_tokens_decoder.items() if token.special}

    def encode(self, prompt: str, completion: str) -> TokenExample:
        """Encode the two texts apart from each other, as generation does: it knows the prompt only.

        Together they decode to the whole text, without a space that stands in neither.
        """
        return TokenExample(prompt_ids=self._ids(prompt), completion_ids=self._continuing.ids(completion))

    def ends_once(self, example: TokenExample) -> bool:
        """Tell whether the completion's last token is the only special one in it."""
        *text, end = example.completion_ids
        return end in self._special and not self._special.intersection(text)

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids
