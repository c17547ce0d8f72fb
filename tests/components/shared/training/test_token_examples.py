"""Texts to token ids: nothing is added, and a completion ends once, whatever stands in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.shared.models.tokenizers import load_tokenizer
from components.shared.templates.marked_text import of_row, of_template
from components.shared.training.token_examples import ExampleEncoder


def test_no_token_is_added(tiny_model: Path) -> None:
    example = ExampleEncoder(tiny_model).encode(of_template("ab"), of_row("c") + of_template("<|im_end|>"))
    assert (len(example.prompt_ids), len(example.completion_ids), len(example)) == (2, 2, 4)


@pytest.mark.parametrize("text", ["a", "", "a<|im_end|>", "a<|im_start|>b", "<|im_end|><|im_end|>", "<|endoftext|>"])
def test_a_completion_ends_in_the_only_control_token_that_it_has(tiny_model: Path, text: str) -> None:
    tokenizer = load_tokenizer(tiny_model)
    example = ExampleEncoder(tiny_model).encode(of_template(""), of_row(text) + of_template("<|im_end|>"))
    assert [number for number in example.completion_ids if number in tokenizer.all_special_ids] == [
        tokenizer.convert_tokens_to_ids("<|im_end|>")
    ]
    assert tokenizer.decode(example.completion_ids) == text + "<|im_end|>"
