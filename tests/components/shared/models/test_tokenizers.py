"""Real vocabularies: what is trained on, what generation is given and what comes out of it are one text."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoConfig, AutoTokenizer, LlamaConfig, Qwen2Config

from components.shared.errors import InputError
from components.shared.models.tokenizers import load_tokenizer, tokenizer_folder
from components.shared.templates.marked_text import of_row, of_template
from components.shared.training.token_examples import ExampleEncoder
from tests.source_tree import ROOT, python_files
from tests.vocabularies import VOCABULARIES

QUESTION = "What is 2 + 2?"
# What stands around a question: with BOS, without, with a space that belongs to the first word, with line ends.
SHAPES = [("{bos}[INST]", " ", "{eos}"), ("{bos}User:", " ", "{eos}"), ("user\n", "", "{eos}"), ("\n\n", "", "{eos}")]
LATEX = st.sampled_from(["$x^{2}$", r"\frac{1}{2}", r"\[", r"\boxed{7}", "\n\n", "  ", " ", "π ≈ 3.14", "三角形", "\t"])
# Up to the planes that hold letters and emoji: SmolLM2 has no tokens for the bytes of those beyond.
LETTERS = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), max_codepoint=0x1FFFF)
TEXTS = st.lists(LATEX | st.text(LETTERS, max_size=12), max_size=8)

Zoo = Callable[[str], Path]


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Zoo:
    """``zoo(name)``: a folder with a real vocabulary, beside the config of a Llama; made once."""

    @cache
    def folder_of(name: str) -> Path:
        folder = tmp_path_factory.mktemp(name)
        VOCABULARIES[name](folder)
        LlamaConfig().save_pretrained(folder)
        return folder

    return folder_of


@pytest.mark.slow
@pytest.mark.parametrize("name", VOCABULARIES)
def test_what_is_trained_on_continues_what_generation_is_given_and_decodes_to_the_text(zoo: Zoo, name: str) -> None:
    tokenizer, encoder = load_tokenizer(zoo(name)), ExampleEncoder(zoo(name))

    @given(st.sampled_from(SHAPES), TEXTS)
    def holds(shape: tuple[str, str, str], parts: list[str]) -> None:
        ends = {"bos": tokenizer.bos_token or "", "eos": tokenizer.eos_token}
        prefix, start, end = (text.format(**ends) for text in shape)
        # Qwen2's tokenizer composes letters and their accents, as the model was trained
        question = (
            tokenizer.backend_tokenizer.normalizer.normalize_str("".join(parts)) if name == "qwen2" else "".join(parts)
        )
        example = encoder.encode(of_template(prefix), of_template(start) + of_row(question) + of_template(end))
        given_to_generation = tokenizer(prefix, add_special_tokens=False)["input_ids"]
        assert example.prompt_ids == given_to_generation
        before = tokenizer.decode(given_to_generation)
        whole = tokenizer.decode(example.prompt_ids + example.completion_ids)
        assert whole == before + start + question + end
        of_the_whole = tokenizer(prefix + start + question + end, add_special_tokens=False)["input_ids"]
        if of_the_whole[: len(given_to_generation)] == given_to_generation:  # no token reaches over both
            assert example.completion_ids == of_the_whole[len(given_to_generation) :]

    holds()


@pytest.mark.slow
def test_a_byte_level_file_under_the_class_of_llama_keeps_its_spaces(zoo: Zoo) -> None:
    tokenizer, encoder = load_tokenizer(zoo("deepseek")), ExampleEncoder(zoo("deepseek"))
    example = encoder.encode(
        of_template(f"{tokenizer.bos_token}User:"), of_template(f" {QUESTION}{tokenizer.eos_token}")
    )
    labels = [tokenizer.decode([token]) for token in example.completion_ids]
    assert labels == [" What", " is", " ", "2", " +", " ", "2", "?", tokenizer.eos_token]
    assert "".join(AutoTokenizer.from_pretrained(zoo("deepseek")).tokenize(QUESTION)) == "Whatis2+2?", "mended upstream"


@pytest.mark.slow
def test_the_words_after_a_prefix_of_sentencepiece_have_one_space_not_a_lone_token_more(zoo: Zoo) -> None:
    example = ExampleEncoder(zoo("mistral_v1")).encode(of_template("<s>[INST]"), of_template(f" {QUESTION}</s>"))
    tokenizer = load_tokenizer(zoo("mistral_v1"))
    assert tokenizer.convert_ids_to_tokens(example.completion_ids)[:2] == ["▁What", "▁is"]
    whole = tokenizer(f"<s>[INST] {QUESTION}</s>", add_special_tokens=False)["input_ids"]
    assert example.prompt_ids + example.completion_ids == whole
    assert 28705 not in example.completion_ids[:1]


@pytest.mark.slow
@pytest.mark.parametrize("config", [LlamaConfig(), Qwen2Config()], ids=["llama", "qwen2"])
def test_a_library_that_loads_the_tokenizer_itself_gets_the_same_whatever_the_model_is(
    zoo: Zoo, tmp_path: Path, config: AutoConfig, caplog: pytest.LogCaptureFixture
) -> None:
    VOCABULARIES["deepseek"](tmp_path)
    config.save_pretrained(tmp_path)
    with tokenizer_folder(tmp_path) as folder:
        theirs = AutoTokenizer.from_pretrained(folder)
    assert "incorrect regex pattern" not in caplog.text, "a warning that is wrong here"
    ours = load_tokenizer(zoo("deepseek"))
    text = f"{QUESTION}\n\n  $x^2$ π"
    assert theirs(text)["input_ids"] == ours(text)["input_ids"]
    assert (theirs.eos_token, theirs.bos_token) == (ours.eos_token, ours.bos_token)


def test_nothing_is_cut_where_the_file_says_so(tiny_model: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(tiny_model)
    tokenizer.backend_tokenizer.enable_truncation(4)
    tokenizer.backend_tokenizer.enable_padding(length=64)
    tokenizer.backend_tokenizer.save(str(tmp_path / "tokenizer.json"))
    again = load_tokenizer(tmp_path)
    assert len(again(QUESTION)["input_ids"]) == len(QUESTION)
    assert len(again.backend_tokenizer.encode(QUESTION).ids) == len(QUESTION)


@pytest.mark.parametrize(
    "content", ["", "{}", '{"model": {"type": "BPE"}}', "version https://git-lfs.github.com/spec/v1"]
)
def test_a_tokenizer_that_cannot_be_read_is_one_message(tmp_path: Path, content: str) -> None:
    (tmp_path / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"the tokenizer in .* cannot be read"):
        load_tokenizer(tmp_path)


def test_a_tokenizer_is_loaded_without_pytorch(tiny_model: Path) -> None:
    code = f"""
import sys
from components.shared.models.tokenizers import load_tokenizer
load_tokenizer({str(tiny_model)!r})
sys.exit("torch" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_every_step_loads_its_tokenizer_here() -> None:
    named = [
        str(path.relative_to(ROOT))
        for path in python_files("components")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and any(name.name == "AutoTokenizer" for name in node.names)
    ]
    # A GGUF file has no tokenizer.json yet; here the two are compared, for import_model
    assert named == ["components/import_model/gguf_model.py", "components/shared/models/tokenizers.py"]
