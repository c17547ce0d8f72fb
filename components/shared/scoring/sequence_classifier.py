"""Scores from a transformers sequence-classification model with one output."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification

from components.shared.errors import EngineDiedError, InputError
from components.shared.scoring import WINDOW_ROWS, Score, Text
from components.shared.scoring.encoding import Encoded, Encoder
from components.shared.scoring.token_budget import batches_by_tokens, windows

logger = logging.getLogger(__name__)


class SequenceClassifier:
    """A one-output model from safetensors, in bfloat16 on a GPU and in float32 on a CPU; no remote code."""

    def __init__(self, model_folder: Path, *, add_special_tokens: bool, max_tokens: int, max_batch_tokens: int) -> None:
        self._encoder = Encoder(model_folder, add_special_tokens=add_special_tokens, max_tokens=max_tokens)
        self.max_tokens = self._encoder.max_tokens
        self._max_batch_tokens = max_batch_tokens
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._model = _load(model_folder, self._device)

    def score(self, texts: Iterable[Text]) -> Iterator[Score]:
        """Yield one score a text, batch by batch of about one length."""
        for window in windows(texts, WINDOW_ROWS):
            fitting, too_long = self._encoder.encode(window)
            yield from too_long
            for batch in batches_by_tokens(fitting, len, self._max_batch_tokens):
                values = self._score_batch(batch)
                for item, value in zip(batch, values, strict=True):
                    yield Score(key=item.key, num_tokens=len(item), value=value)

    def close(self) -> None:
        """Release the model."""
        del self._model

    def _score_batch(self, batch: Sequence[Encoded]) -> list[float]:
        try:
            return self._logits(batch)
        except torch.OutOfMemoryError as error:
            if len(batch) == 1:
                raise EngineDiedError(f"a text of {len(batch[0])} tokens: {error}") from error
            raise InputError(
                f"--max-batch-tokens {self._max_batch_tokens} is more than the accelerator's memory holds of this "
                f"model; give a smaller number ({error})"
            ) from error
        except torch.AcceleratorError as error:  # no other call of this process will succeed after it
            raise EngineDiedError(f"the accelerator failed: {error}") from error

    @torch.inference_mode()
    def _logits(self, batch: Sequence[Encoded]) -> list[float]:
        longest = max(map(len, batch))
        pad = self._padding_token(batch)
        input_ids_BT = torch.tensor([item.ids + [pad] * (longest - len(item)) for item in batch])  # noqa: N806
        mask_BT = torch.tensor([[1] * len(item) + [0] * (longest - len(item)) for item in batch])  # noqa: N806
        output = self._model(input_ids=input_ids_BT.to(self._device), attention_mask=mask_BT.to(self._device))
        values: list[float] = output.logits.float().squeeze(-1).tolist()
        return values

    def _padding_token(self, batch: Sequence[Encoded]) -> int:
        """Return a padding token that ends none of the texts, and tell the model.

        transformers reads the score at the last token that is not the padding token. Where the text's own end is the
        model's padding token (often both are EOS), that would be the token before it. Padding on the right leaves every
        position as it is in a text by itself.
        """
        config = self._model.config.get_text_config()
        last_tokens = {item.ids[-1] for item in batch}
        if config.pad_token_id is None or config.pad_token_id in last_tokens:
            config.pad_token_id = next(token for token in itertools.count() if token not in last_tokens)
        return int(config.pad_token_id)


def _load(model_folder: Path, device: torch.device) -> Any:
    model = AutoModelForSequenceClassification.from_pretrained(
        model_folder,
        dtype=torch.bfloat16 if device.type == "cuda" else torch.float32,
        use_safetensors=True,
        trust_remote_code=False,
    )
    if hasattr(model, "score"):
        # The head in float32: a reward in bfloat16 has 8 bits, and many responses of a question would tie.
        model.score.float().register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))
    logger.info("scorer on %s in %s", device.type, model.dtype)
    return model.to(device).eval()
