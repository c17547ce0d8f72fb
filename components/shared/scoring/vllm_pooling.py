"""Scores from vLLM's pooling runner: sequence classifiers, and reward models that vLLM knows by name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from vllm import LLM
from vllm.config import PoolerConfig
from vllm.platforms import current_platform

from components.shared.engines.vllm_deaths import report_death
from components.shared.errors import EngineDiedError
from components.shared.scoring import WINDOW_ROWS, Score, Text
from components.shared.scoring.encoding import Encoded, Encoder
from components.shared.scoring.token_budget import windows

CPU_CACHE_GIB = 1  # a text's cache is given up as soon as it has its score


class VllmPooling:
    """A one-output model in vLLM, in bfloat16 on a GPU and in float32 on a CPU; vLLM makes the batches itself."""

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
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")  # below that, dozens of lines about itself at each start
        os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
        self._llm = LLM(
            model=str(model_folder),
            runner="pooling",
            pooler_config=PoolerConfig(use_activation=False),  # the number as it is, not its sigmoid
            enforce_eager=True,  # one pass a text: compiling takes longer than it saves
            load_format="safetensors",
            trust_remote_code=False,
            max_model_len=self._encoder.max_tokens,
            tensor_parallel_size=tensor_parallel_size,
            gpu_memory_utilization=gpu_memory_fraction,
            **_hardware_args(),
        )
        report_death(self._llm.llm_engine.engine_core)

    def score(self, texts: Iterable[Text]) -> Iterator[Score]:
        """Yield one score a text, window by window."""
        for window in windows(texts, WINDOW_ROWS):
            fitting, too_long = self._encoder.encode(window)
            yield from too_long
            outputs = self._encode(fitting)
            for item, output in zip(fitting, outputs, strict=True):
                # Reward models give one number a token, classifiers one in all: the text's is the last.
                yield Score(key=item.key, num_tokens=len(item), value=float(output.outputs.data.flatten()[-1]))

    def _encode(self, items: Sequence[Encoded]) -> Any:
        prompts = [{"prompt_token_ids": item.ids} for item in items]
        try:
            return self._llm.encode(prompts, pooling_task=self._llm.pooling_task, use_tqdm=False)
        except Exception as error:
            raise EngineDiedError(f"vLLM died: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Stop vLLM's worker."""
        self._llm.llm_engine.engine_core.shutdown()  # an error that is still at hand may hold the rest


def _hardware_args() -> dict[str, Any]:
    if not current_platform.is_cpu():
        return {"dtype": "bfloat16"}
    # In this process and without a profiling run, which takes minutes on two cores.
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    cache_gib = int(os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", str(CPU_CACHE_GIB)))
    return {"dtype": "float32", "kv_cache_memory_bytes": cache_gib * 2**30}
