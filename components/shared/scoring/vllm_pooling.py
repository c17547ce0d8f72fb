"""Scores from vLLM's pooling runner: sequence classifiers, and reward models that vLLM knows by name."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from vllm import LLM
from vllm.config import PoolerConfig
from vllm.platforms import current_platform

from components.shared.arithmetic import Arithmetic, of_scores
from components.shared.config.scoring import ScorerConfig
from components.shared.engines.vllm_deaths import report_death
from components.shared.engines.vllm_hardware import arithmetic_for, cpu_args, quiet_start
from components.shared.engines.vllm_options import check_options, model_arguments
from components.shared.errors import EngineDiedError
from components.shared.models.tokenizers import tokenizer_folder
from components.shared.scoring import WINDOW_ROWS, K, Score, Text
from components.shared.scoring.encoding import Encoded, Encoder, longest_text
from components.shared.scoring.token_budget import windows

CPU_CACHE_GIB = 1  # a text's cache is freed as soon as it has its score

logger = logging.getLogger(__name__)


class VllmPooling:
    """A one-output model in vLLM, which makes the batches itself."""

    def __init__(
        self,
        model_folder: Path,
        *,
        add_special_tokens: bool,
        max_tokens: int,
        tensor_parallel_size: int,
        gpu_memory_fraction: float,
    ) -> None:
        self._encoder = Encoder(model_folder, add_special_tokens=add_special_tokens, max_tokens=max_tokens)
        quiet_start()
        arithmetic = of_scores(arithmetic_for(tensor_parallel_size), on_gpu=not current_platform.is_cpu())
        self.arithmetic = str(arithmetic)
        logger.info("vLLM computes scores in %s", arithmetic)
        self._tokenizer_folder = tokenizer_folder(model_folder)
        self._llm = LLM(
            tokenizer=self._tokenizer_folder.name,
            **_arguments(model_folder, arithmetic, self._encoder.max_tokens, tensor_parallel_size, gpu_memory_fraction),
        )
        report_death(self._llm.llm_engine.engine_core)

    def score(self, texts: Iterable[Text[K]]) -> Iterator[Score[K]]:
        """Yield one score for each text, window by window."""
        for window in windows(texts, WINDOW_ROWS):
            fitting, too_long = self._encoder.encode(window)
            yield from too_long
            outputs = self._encode(fitting)
            for item, output in zip(fitting, outputs, strict=True):
                # Reward models give one number for each token, classifiers one in all: the text's score is the last.
                yield Score(key=item.key, num_tokens=len(item), value=float(output.outputs.data.flatten()[-1]))

    def _encode(self, items: Sequence[Encoded[K]]) -> Any:
        prompts = [{"prompt_token_ids": item.ids} for item in items]
        try:
            return self._llm.encode(prompts, pooling_task=self._llm.pooling_task, use_tqdm=False)
        except Exception as error:
            raise EngineDiedError(f"vLLM died: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Stop vLLM's worker."""
        self._llm.llm_engine.engine_core.shutdown()  # an error that is being handled may still reference the rest
        self._tokenizer_folder.cleanup()


def check(config: ScorerConfig, model_folder: Path, option_name: str) -> None:
    """Raise InputError if vLLM does not take the model with these options; loads no weights."""
    quiet_start()
    arithmetic = of_scores(arithmetic_for(config.tensor_parallel_size), on_gpu=not current_platform.is_cpu())
    options = {name: getattr(config, name) for name in ("tensor_parallel_size", "gpu_memory_fraction")}
    longest = longest_text(model_folder, config.max_tokens)
    arguments = _arguments(model_folder, arithmetic, longest, *options.values())
    check_options(arguments, f"{option_name} {model_folder}", options)


def _arguments(folder: Path, arithmetic: Arithmetic, max_len: int, num_gpus: int, fraction: float) -> dict[str, Any]:
    """Return the arguments of EngineArgs."""
    return {
        **model_arguments(folder, arithmetic, max_len, num_gpus, fraction),
        "runner": "pooling",
        "pooler_config": PoolerConfig(use_activation=False),  # the number as it is, not its sigmoid
        **_hardware_args(),
    }


def _hardware_args() -> dict[str, Any]:
    if not current_platform.is_cpu():
        return {"enforce_eager": True}  # one pass for each text: compiling takes longer than it saves
    return cpu_args(CPU_CACHE_GIB)
