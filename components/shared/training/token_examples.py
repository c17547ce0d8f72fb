"""Texts to token ids for training: a prompt, and the completion that the model learns, with one end token."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from components.shared.templates.marked_text import MarkedText
from components.shared.templates.text_encoder import TextEncoder


@dataclass(frozen=True, kw_only=True)
class TokenExample:
    """A prompt and its completion as token ids."""

    prompt_ids: list[int]
    completion_ids: list[int]

    def __len__(self) -> int:
        return len(self.prompt_ids) + len(self.completion_ids)


class ExampleEncoder:
    """Turns texts with all their special tokens into ids; adds none."""

    def __init__(self, model_folder: Path) -> None:
        self._encoder = TextEncoder(model_folder)

    def encode(self, prompt: MarkedText, completion: MarkedText) -> TokenExample:
        """Encode a prompt as generation does, which does not know the completion, and the completion."""
        prompt_ids, completion_ids = self._encoder.continued(prompt, completion)
        return TokenExample(prompt_ids=prompt_ids, completion_ids=completion_ids)
