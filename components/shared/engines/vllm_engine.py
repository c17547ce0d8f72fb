"""vLLM, on CPUs and GPUs: requests enter while others finish, and none waits for a batch."""

from vllm import EngineArgs, LLMEngine, RequestOutput, SamplingParams  # isort: skip

import contextlib
import functools
import logging
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from vllm.exceptions import VLLMClientError
from vllm.inputs import tokens_input
from vllm.platforms import current_platform
from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
from vllm.usage.usage_lib import UsageContext

from components.shared.arithmetic import Arithmetic
from components.shared.config.engines import EngineConfig
from components.shared.engines import Completion, K, Request, Result, Sampling, unanswered
from components.shared.engines.thoughts import hidden_tokens, open_thought, split_thought
from components.shared.engines.vllm_deaths import report_death
from components.shared.engines.vllm_hardware import arithmetic_for, cpu_args, quiet_start
from components.shared.engines.vllm_options import check_options, model_arguments
from components.shared.errors import EngineDiedError, InputError
from components.shared.models import fetch_model
from components.shared.models.loading import check_weights
from components.shared.models.purposes import Use
from components.shared.models.tokenizers import load_tokenizer, tokenizer_folder
from components.shared.templates import ChatTemplate, load_chat_template
from components.shared.templates.marked_text import of_row
from components.shared.templates.text_encoder import TextEncoder

# In flight at most, in multiples of the samples that vLLM computes at once (max_num_seqs): as many wait as run, so
# that the scheduler never runs out of work.
MAX_IN_FLIGHT = 2

# On a CPU: the cache that 64 sequences of 1,000 tokens fill in bf16, for 40 kB a token (models of up to 1.5B weights).
# In fp32 it is full with half of that, and sequences wait: more would be memory that a laptop lacks.
CPU_CACHE_GIB = 2
CPU_MAX_NUM_SEQS = 64
CPU_BLOCK_TOKENS = 32  # the platform's default of 128 would share no prefix of a question's length

REFUSALS = (ValueError, VLLMClientError)  # of one request: a token that the model does not know, a prompt too long

logger = logging.getLogger(__name__)

# What was checked is what is opened, also again after a crash: the hub's branch may have moved, or the hub be away.
_fetched = functools.cache(fetch_model)


class VllmEngine:
    """One model in this process (CPU) or in a process of its own beside it (GPU)."""

    def __init__(
        self,
        model_folder: Path,
        template: ChatTemplate,
        *,
        max_model_len: int = 0,
        tensor_parallel_size: int = 1,
        gpu_memory_fraction: float = 0.9,
    ) -> None:
        """Load the model in ``model_folder``; ``max_model_len`` 0 is the model's own, in tokens."""
        quiet_start()
        self._template = template
        arithmetic = arithmetic_for(tensor_parallel_size)
        self.arithmetic = str(arithmetic)
        logger.info("vLLM computes in %s", arithmetic)
        self._tokenizer_folder = tokenizer_folder(model_folder)
        self.llm = LLMEngine.from_engine_args(
            EngineArgs(
                **_arguments(model_folder, arithmetic, max_model_len, tensor_parallel_size, gpu_memory_fraction),
                tokenizer=self._tokenizer_folder.name,
            ),
            usage_context=UsageContext.LLM_CLASS,  # the hardware's defaults for work without a user who waits
        )
        report_death(self.llm.engine_core)
        self._encoder = TextEncoder(model_folder)
        self._tokenizer = self.llm.get_tokenizer().backend_tokenizer  # by which vLLM writes a sample's text
        added = self._tokenizer.get_added_tokens_decoder()
        self._special = {number: token.content for number, token in added.items() if token.special}
        self._opened = [(0, tag)] if (tag := open_thought(template.answer_prefix)) else []
        self._max_model_len = int(self.llm.model_config.max_model_len)
        self._max_in_flight = MAX_IN_FLIGHT * int(self.llm.vllm_config.scheduler_config.max_num_seqs)
        self._stop_ids = {text: self._encoder.token_id(text) for text in (template.question_end, template.response_end)}

    def generate(self, requests: Iterable[Request[K]], sampling: Sampling) -> Iterator[Result[K]]:
        """Yield each request's completions as soon as they are done, in any order; never waits for a batch."""
        source = iter(requests)
        running: dict[str, Request[K]] = {}
        numbers = count()
        try:
            while True:
                while _num_samples(running) < self._max_in_flight and (request := next(source, None)) is not None:
                    name = str(next(numbers))
                    if refusal := self._add(name, request, sampling):
                        yield refusal
                    else:
                        running[name] = request
                if not running:
                    return
                with _deaths():
                    outputs = self.llm.step()
                for output in outputs:
                    if output.finished:
                        yield self._result(running.pop(output.request_id), output)
                    elif heard := running[output.request_id].heard:
                        heard(output.outputs[0].text)
        except EngineDiedError:
            running.clear()
            raise
        finally:
            self.llm.abort_request(list(running))  # the caller stopped early

    def encode(self, request: Request[K]) -> list[int]:
        """Return the prompt's token ids; its text holds every special token already, BOS included."""
        return self._encoder.ids(self._template.prompt(request.message, request.examples) + of_row(request.reply_start))

    def close(self) -> None:
        """Release the accelerator."""
        self.llm.engine_core.shutdown()
        self._tokenizer_folder.cleanup()

    def _add(self, name: str, request: Request[K], sampling: Sampling) -> Result[K] | None:
        """Give a request to vLLM; return its result if vLLM refuses it."""
        token_ids = self.encode(request)
        if len(token_ids) >= self._max_model_len:
            return unanswered(request, "too_long", f"the prompt has {len(token_ids)} tokens")
        params = self._sampling_params(request, sampling)
        try:
            with _deaths(but_not=REFUSALS):
                self.llm.add_request(name, tokens_input(token_ids), params)
        except REFUSALS as error:
            logger.warning("vLLM refuses a request: %s", error)
            return unanswered(request, "refused", str(error))
        return None

    def _sampling_params(self, request: Request[K], sampling: Sampling) -> SamplingParams:
        end = self._template.response_end if request.message else self._template.question_end
        opening = self._template.turn_opening if sampling.stop_at_next_turn else ""
        return SamplingParams(
            n=request.num_samples,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            seed=request.seed,  # sample i draws from seed + i
            stop_token_ids=[self._stop_ids[end]],
            stop=[text for text in (sampling.stop, opening) if text],
            structured_outputs=self._held_to(sampling.schema),
            output_kind=RequestOutputKind.CUMULATIVE if request.heard else RequestOutputKind.FINAL_ONLY,
        )

    def _held_to(self, schema: str) -> StructuredOutputsParams | None:
        """Return what holds replies to a schema; nothing where the prompt opens a thought, which comes before it."""
        if not schema or self._opened:
            return None
        return StructuredOutputsParams(json=schema, disable_any_whitespace=True)

    def _result(self, request: Request[K], output: RequestOutput) -> Result[K]:
        prompt_ids = output.prompt_token_ids or []
        samples = sorted(output.outputs, key=lambda sample: sample.index)
        completions = tuple(self._completion(request, prompt_ids, sample) for sample in samples)
        return Result(request=request, completions=completions, num_prompt_tokens=len(prompt_ids))

    def _completion(self, request: Request[K], prompt_ids: list[int], sample: Any) -> Completion:
        # vLLM leaves out both what ended a sample, a token or the stop text, and special tokens; only the text is kept.
        stop = sample.stop_reason if isinstance(sample.stop_reason, str) else ""
        ran_on = bool(stop) and stop == self._template.turn_opening
        text = request.reply_start + sample.text + ("" if ran_on else stop)
        thought, reply = "", text
        if request.message:  # a written question has no thoughts
            hidden = hidden_tokens(sample.token_ids, self._special, self._tokenizer.decode, before=prompt_ids)
            shifted = [(len(request.reply_start) + position, token) for position, token in hidden]
            # A reply that the prompt has begun counts as a reply even if its thought was not closed.
            opened = [] if request.reply_start else self._opened
            thought, reply = split_thought(text, [*opened, *shifted])
        finish_reason = "ran_on" if ran_on else str(sample.finish_reason)
        return Completion(text=reply, thought=thought, finish_reason=finish_reason, num_tokens=len(sample.token_ids))


def check(config: EngineConfig, model: str, sampling: Sampling, num_samples: int) -> None:
    """Raise InputError if the engine cannot be opened with the model and the options; loads no weights.

    vLLM itself misses some missing weights: it fuses several into one, and uses whatever is in memory.
    """
    quiet_start()
    folder, named = _fetched(model), f"the model {model}"
    template = load_chat_template(config.chat_template, folder)
    check_weights(folder, named, Use.LANGUAGE_MODEL)
    options = {name: getattr(config, name) for name in ("max_model_len", "tensor_parallel_size", "gpu_memory_fraction")}
    arguments = _arguments(folder, arithmetic_for(config.tensor_parallel_size), *options.values())
    settings = check_options(arguments, named, options)
    num_tokens, tokens = int(settings.model_config.get_vocab_size()), load_tokenizer(folder).get_vocab()
    for end in (template.question_end, template.response_end):
        if tokens[end] >= num_tokens:
            raise InputError(
                f"{named}: its tokenizer has the end token {end!r} as {tokens[end]}, and the model {num_tokens} tokens "
                "only: no text would ever end; use the tokenizer that belongs to the model, or another --chat-template"
            )


def open_engine(config: EngineConfig, model: str) -> VllmEngine:
    """Load a model by its URI, as the options say."""
    folder = _fetched(model)
    return VllmEngine(
        folder,
        load_chat_template(config.chat_template, folder),
        max_model_len=config.max_model_len,
        tensor_parallel_size=config.tensor_parallel_size,
        gpu_memory_fraction=config.gpu_memory_fraction,
    )


def _arguments(folder: Path, arithmetic: Arithmetic, max_len: int, num_gpus: int, fraction: float) -> dict[str, Any]:
    """Return the arguments of EngineArgs."""
    return {
        **model_arguments(folder, arithmetic, max_len, num_gpus, fraction),
        "enable_prefix_caching": True,
        "disable_log_stats": True,
        "use_tqdm_on_load": False,
        **_hardware_args(),
    }


def _hardware_args() -> dict[str, Any]:
    """Return the arguments for this hardware beyond vLLM's defaults; none on a GPU."""
    if not current_platform.is_cpu():
        return {}
    return {
        **cpu_args(CPU_CACHE_GIB),
        # vLLM 0.32 fails on a CPU where a prompt with a seed is computed in pieces: "Generator does not use offset".
        "enable_chunked_prefill": False,
        "max_num_seqs": CPU_MAX_NUM_SEQS,
        "block_size": CPU_BLOCK_TOKENS,
    }


@contextlib.contextmanager
def _deaths(but_not: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn an error within vLLM into the engine's death: it cannot be trusted afterwards."""
    try:
        yield
    except but_not:
        raise
    except Exception as error:
        raise EngineDiedError(f"{type(error).__name__}: {error}") from error


def _num_samples(running: Mapping[str, Request[K]]) -> int:
    return sum(request.num_samples for request in running.values())
