"""Scores from a transformers sequence-classification model with one output."""

from __future__ import annotations

import itertools
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification

from components.shared.arithmetic import Arithmetic, of_scores, of_this_machine
from components.shared.errors import EngineDiedError, InputError, UnavailableError
from components.shared.models.loading import load
from components.shared.scoring import OUT_OF_MEMORY, WINDOW_ROWS, Announce, K, Score, Text
from components.shared.scoring.encoding import Encoded, Encoder
from components.shared.scoring.token_budget import first_batch, longest_first, windows

# RuntimeErrors that say nothing but that memory is short, as torch 2.13 words them.
SHORTAGES = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory")

logger = logging.getLogger(__name__)


class SequenceClassifier:
    """A one-output model from safetensors; no remote code."""

    def __init__(
        self,
        model_folder: Path,
        announce: Announce | None = None,
        *,
        add_special_tokens: bool,
        max_tokens: int,
        max_batch_tokens: int,
    ) -> None:
        self._announce = announce
        self._encoder = Encoder(model_folder, add_special_tokens=add_special_tokens, max_tokens=max_tokens)
        self._max_batch_tokens = max_batch_tokens
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        arithmetic = of_scores(of_this_machine(), on_gpu=self._device.type == "cuda")
        self.arithmetic = str(arithmetic)
        logger.info("the scorer computes on the %s in %s", self._device.type.upper(), arithmetic)
        try:
            self._model = _load(model_folder, self._device, arithmetic)
        except (RuntimeError, MemoryError) as error:
            if not _is_shortage(error):
                raise
            _check_size(model_folder, self._device, arithmetic)
            raise UnavailableError(
                f"the memory of this {self._device.type} does not hold the model in {model_folder} "
                f"({_in_a_line(error)}); free some, or use a larger machine, and start again"
            ) from error

    def score(self, texts: Iterable[Text[K]]) -> Iterator[Score[K]]:
        """Yield one score for each text, in batches of similar length.

        A batch that does not fit into memory is split by a smaller budget, down to one text.
        """
        for window in windows(texts, WINDOW_ROWS):
            fitting, longer = self._encoder.encode(window)
            yield from longer
            rest: Sequence[Encoded[K]] = longest_first(fitting, len)
            while rest:
                batch = first_batch(rest, len, self._max_batch_tokens)
                if self._announce:
                    self._announce([item.key for item in batch])
                values = self._values_or_shortage(batch)
                if isinstance(values, str):
                    self._make_room(batch, values)
                    if len(batch) > 1:
                        continue
                    yield _out_of_memory(batch[0], values)
                else:
                    for item, value in zip(batch, values, strict=True):
                        yield Score(key=item.key, num_tokens=len(item), value=value)
                rest = rest[len(batch) :]

    def close(self) -> None:
        """Release the model."""
        self._model = None

    def _values_or_shortage(self, batch: Sequence[Encoded[K]]) -> list[float] | str:
        """Compute a batch; return a message if it does not fit into memory.

        The error itself is not kept: its traceback holds the batch's tensors.
        """
        try:
            return self._logits(batch)
        except (RuntimeError, MemoryError) as error:
            if _is_shortage(error):
                return _in_a_line(error)
            if isinstance(error, torch.AcceleratorError):  # no other call of this process will succeed after it
                raise EngineDiedError(_in_a_line(error), at=[item.key for item in batch]) from error
            raise

    def _make_room(self, batch: Sequence[Encoded[K]], shortage: str) -> None:
        """Free memory, and use half the budget from now on, but at least one such text."""
        longest = len(batch[0])
        self._max_batch_tokens = min(self._max_batch_tokens, max(len(batch) * longest // 2, longest))
        logger.warning(
            "%d texts of up to %d tokens are too much for the memory (%s); --max-batch-tokens is %d from here on",
            len(batch), longest, shortage, self._max_batch_tokens,
        )  # fmt: skip
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def _logits(self, batch: Sequence[Encoded[K]]) -> list[float]:
        longest = max(map(len, batch))
        pad = self._padding_token(batch)
        input_ids_BT = torch.tensor([item.ids + [pad] * (longest - len(item)) for item in batch])  # noqa: N806
        mask_BT = torch.tensor([[1] * len(item) + [0] * (longest - len(item)) for item in batch])  # noqa: N806
        output = self._model(input_ids=input_ids_BT.to(self._device), attention_mask=mask_BT.to(self._device))
        values: list[float] = output.logits.float().squeeze(-1).tolist()
        return values

    def _padding_token(self, batch: Sequence[Encoded[K]]) -> int:
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


def _is_shortage(error: Exception) -> bool:
    """Tell whether an error says that memory is short, and nothing worse."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(map(str(error).count, SHORTAGES))


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def _out_of_memory(item: Encoded[K], shortage: str) -> Score[K]:
    detail = f"{len(item)} tokens: {shortage}"
    return Score(key=item.key, num_tokens=len(item), value=None, reason=OUT_OF_MEMORY, detail=detail)


def _load(model_folder: Path, device: torch.device, arithmetic: Arithmetic) -> Any:
    model = load(AutoModelForSequenceClassification, model_folder, dtype=arithmetic.torch_dtype)
    if hasattr(model, "score"):
        # The head in float32: a reward in bfloat16 has 8 bits, and many responses of a question would tie.
        model.score.float().register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))
    return model.to(device).eval()


def _check_size(model_folder: Path, device: torch.device, arithmetic: Arithmetic) -> None:
    """Raise InputError if the weights alone are larger than the whole memory, which no retry can fix."""
    config = AutoConfig.from_pretrained(model_folder, trust_remote_code=False)
    with torch.device("meta"):
        model = AutoModelForSequenceClassification.from_config(
            config, dtype=arithmetic.torch_dtype, trust_remote_code=False
        )
    needed, whole = model.get_memory_footprint(), _memory_bytes(device)
    if needed > whole:
        raise InputError(
            f"the weights of the model in {model_folder} take {needed / 2**30:.3g} GiB, and this {device.type} has "
            f"{whole / 2**30:.3g} GiB in all; use a machine with more, a smaller scorer, or several GPUs "
            "(--scorer-engine vllm --tensor-parallel-size)"
        )


def _memory_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[1])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
