"""Models of many makers as their tokenizer folders: the chat templates that they ship, and what these write, by hand.

TRL, which the trainings need anyway, ships many of the real templates; those of others are written here in our own
words, cut to user and assistant, with the features of the real ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast

from tests.vocabularies import file_of

Q, A = "What is 2 + 2?", "It is 4."


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model's chat template, and what it has to become."""

    source: str
    tokens: tuple[str, ...]  # its control tokens, BOS and EOS left out
    prefix: str  # of the bare turn
    prompt: str  # what Q is asked with
    conversation: str  # Q and A, as a reward model reads them
    question_end: str
    response: str  # what is trained on after the prompt
    bos: str = ""
    eos: str


def shipped(name: str) -> str:
    """Return a real chat template that TRL ships."""
    return file_of("trl", "chat_templates", f"{name}.jinja").read_text(encoding="utf-8")


def chatml(system: str = "", opening: str = "") -> str:
    """Return ChatML, with a system text where none is given, and what opens each reply."""
    return (
        f"{{%- if messages[0].role != 'system' and {bool(system)} -%}}"
        f"{{{{- '<|im_start|>system\\n{system}<|im_end|>\\n' -}}}}{{%- endif -%}}"
        "{%- for turn in messages -%}{{- '<|im_start|>' ~ turn.role ~ '\\n' ~ turn.content ~ '<|im_end|>\\n' -}}"
        "{%- endfor -%}{%- if add_generation_prompt -%}"
        f"{{{{- '<|im_start|>assistant\\n{opening}' -}}}}{{%- endif -%}}"
    )


DEEPSEEK_MATH = (
    "{{- bos_token -}}{%- for message in messages -%}{%- if message.role == 'user' -%}"
    "{{- 'User: ' ~ message.content ~ '\\n\\n' -}}{%- else -%}{{- 'Assistant: ' ~ message.content ~ eos_token -}}"
    "{%- endif -%}{%- endfor -%}{%- if add_generation_prompt -%}{{- 'Assistant:' -}}{%- endif -%}"
)
MISTRAL_V3 = (
    "{{- bos_token -}}{%- for message in messages -%}{%- if (message.role == 'user') != (loop.index0 % 2 == 0) -%}"
    "{{- raise_exception('turns have to alternate') -}}{%- endif -%}{%- if message.role == 'user' -%}"
    "{{- '[INST] ' ~ message.content ~ '[/INST]' -}}{%- else -%}{{- ' ' ~ message.content | trim ~ eos_token -}}"
    "{%- endif -%}{%- endfor -%}"
)
PHI4 = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' ~ message.role ~ '<|im_sep|>' ~ message.content ~ '<|im_end|>' -}}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant<|im_sep|>' -}}{%- endif -%}"
)
GRANITE = (
    "{%- if messages[0].role != 'system' -%}{{- '<|start_of_role|>system<|end_of_role|>You are told the date: '"
    " ~ strftime_now('%B %d, %Y') ~ '.<|end_of_text|>\\n' -}}{%- endif -%}{%- for message in messages -%}"
    "{{- '<|start_of_role|>' ~ message.role ~ '<|end_of_role|>' ~ message.content ~ '<|end_of_text|>\\n' -}}"
    "{%- endfor -%}{%- if add_generation_prompt -%}{{- '<|start_of_role|>assistant<|end_of_role|>' -}}{%- endif -%}"
)

CHATML_TOKENS = ("<|im_start|>", "<|im_end|>")
LLAMA3_TOKENS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|python_tag|>")
LLAMA3_BOS = "<|begin_of_text|>"
LLAMA3_USER = "<|start_header_id|>user<|end_header_id|>\n\n"
LLAMA3_ASSISTANT = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n"
LLAMA31_SYSTEM = (
    "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n"
    "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n<|eot_id|>"
)


def _of_chatml(source: str, system: str = "", opening: str = "", thought: str = "") -> Model:
    prefix = (f"<|im_start|>system\n{system}<|im_end|>\n" if system else "") + "<|im_start|>user\n"
    asked = f"{prefix}{Q}<|im_end|>\n<|im_start|>assistant\n"
    return Model(
        source=source, tokens=CHATML_TOKENS, eos="<|im_end|>", prefix=prefix, prompt=asked + opening,
        conversation=f"{asked}{thought}{A}<|im_end|>\n", question_end="<|im_end|>", response=f"{thought}{A}<|im_end|>",
    )  # fmt: skip


def _of_llama(source: str, opening: str) -> Model:
    asked = f"{opening}{LLAMA3_USER}{Q}{LLAMA3_ASSISTANT}"
    return Model(
        source=source, tokens=LLAMA3_TOKENS, bos=LLAMA3_BOS, eos="<|eot_id|>",
        prefix=opening + LLAMA3_USER, prompt=asked,
        conversation=f"{asked}{A}<|eot_id|>", question_end="<|eot_id|>", response=f"{A}<|eot_id|>",
    )  # fmt: skip


MODELS = {
    "deepseek_math": Model(
        source=DEEPSEEK_MATH, tokens=(), bos="<｜begin▁of▁sentence｜>", eos="<｜end▁of▁sentence｜>",
        prefix="<｜begin▁of▁sentence｜>User:", prompt=f"<｜begin▁of▁sentence｜>User: {Q}\n\nAssistant:",
        conversation=f"<｜begin▁of▁sentence｜>User: {Q}\n\nAssistant: {A}<｜end▁of▁sentence｜>",
        question_end="<｜end▁of▁sentence｜>", response=f" {A}<｜end▁of▁sentence｜>",
    ),
    "gemma": Model(
        source=shipped("gemma"), tokens=("<start_of_turn>", "<end_of_turn>"), bos="<bos>", eos="<eos>",
        prefix="<bos><start_of_turn>user\n",
        prompt=f"<bos><start_of_turn>user\n{Q}<end_of_turn>\n<start_of_turn>model\n",
        conversation=f"<bos><start_of_turn>user\n{Q}<end_of_turn>\n<start_of_turn>model\n{A}<end_of_turn>\n",
        question_end="<end_of_turn>", response=f"{A}<end_of_turn>",
    ),
    "granite": Model(
        source=GRANITE, tokens=("<|start_of_role|>", "<|end_of_role|>"), eos="<|end_of_text|>",
        prefix="<|start_of_role|>system<|end_of_role|>You are told the date: July 26, 2024.<|end_of_text|>\n"
        "<|start_of_role|>user<|end_of_role|>",
        prompt="<|start_of_role|>system<|end_of_role|>You are told the date: July 26, 2024.<|end_of_text|>\n"
        f"<|start_of_role|>user<|end_of_role|>{Q}<|end_of_text|>\n<|start_of_role|>assistant<|end_of_role|>",
        conversation="<|start_of_role|>system<|end_of_role|>You are told the date: July 26, 2024.<|end_of_text|>\n"
        f"<|start_of_role|>user<|end_of_role|>{Q}<|end_of_text|>\n"
        f"<|start_of_role|>assistant<|end_of_role|>{A}<|end_of_text|>\n",
        question_end="<|end_of_text|>", response=f"{A}<|end_of_text|>",
    ),
    "llama3": _of_llama(shipped("llama3"), LLAMA3_BOS),
    "llama3_1": _of_llama(shipped("llama3_1"), LLAMA31_SYSTEM),
    "llama3_2": _of_llama(shipped("llama3_2"), LLAMA31_SYSTEM),
    "mistral_v3": Model(
        source=MISTRAL_V3, tokens=("[INST]", "[/INST]"), bos="<s>", eos="</s>", prefix="<s>[INST]",
        prompt=f"<s>[INST] {Q}[/INST]", conversation=f"<s>[INST] {Q}[/INST] {A}</s>",
        question_end="[/INST]", response=f" {A}</s>",
    ),
    "phi3": Model(
        source=shipped("phi3"), tokens=("<|user|>", "<|assistant|>", "<|end|>"), bos="<s>", eos="<|endoftext|>",
        prefix="<|user|>\n", prompt=f"<|user|>\n{Q}<|end|>\n<|assistant|>\n",
        conversation=f"<|user|>\n{Q}<|end|>\n<|assistant|>\n{A}<|end|>\n<|endoftext|>",
        question_end="<|end|>", response=f"{A}<|end|>",
    ),
    "phi4": Model(
        source=PHI4, tokens=("<|im_start|>", "<|im_sep|>"), eos="<|im_end|>", prefix="<|im_start|>user<|im_sep|>",
        prompt=f"<|im_start|>user<|im_sep|>{Q}<|im_end|><|im_start|>assistant<|im_sep|>",
        conversation=f"<|im_start|>user<|im_sep|>{Q}<|im_end|><|im_start|>assistant<|im_sep|>{A}<|im_end|>",
        question_end="<|im_end|>", response=f"{A}<|im_end|>",
    ),
    "qwen2_5": _of_chatml(
        shipped("qwen2_5"), "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    ),
    "qwen2_math": _of_chatml(chatml("You are a helpful assistant."), "You are a helpful assistant."),
    "qwen3": _of_chatml(shipped("qwen3"), thought="<think>\n\n</think>\n\n"),
    "smollm2": _of_chatml(
        chatml("You are a helpful AI assistant named SmolLM, trained by Hugging Face"),
        "You are a helpful AI assistant named SmolLM, trained by Hugging Face",
    ),
}  # fmt: skip


def save_tokenizer(
    folder: Path, bos: str, eos: str, others: tuple[str, ...] = (), chat_template: str = ""
) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer with a model's special tokens, and merges of a space with the letter behind it."""
    alphabet = sorted(ByteLevel.alphabet())
    merged = [f"Ġ{letter}" for letter in "AEabc"]
    tokenizer = Tokenizer(
        BPE(
            vocab={token: number for number, token in enumerate([*alphabet, *merged])},
            merges=[("Ġ", token[1]) for token in merged],
        )
    )
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.add_special_tokens(list(dict.fromkeys(token for token in (bos, eos, *others) if token)))
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=bos or None, eos_token=eos or None)
    fast.chat_template = chat_template or None
    fast.save_pretrained(folder)
    return fast


def save_model(folder: Path, name: str) -> PreTrainedTokenizerFast:
    """The tokenizer folder of a model of the zoo."""
    model = MODELS[name]
    return save_tokenizer(folder, model.bos, model.eos, model.tokens, model.source)


def turns_of(*texts: str) -> list[dict[str, str]]:
    """A conversation as a chat template takes it: user and assistant in turn."""
    return [{"role": "assistant" if number % 2 else "user", "content": text} for number, text in enumerate(texts)]
