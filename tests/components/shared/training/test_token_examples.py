"""Texts to token ids: nothing is added, and end tokens are seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.shared.training.token_examples import ExampleEncoder


def test_no_token_is_added(tiny_model: Path) -> None:
    example = ExampleEncoder(tiny_model).encode("ab", "c<|im_end|>")
    assert (len(example.prompt_ids), len(example.completion_ids), len(example)) == (2, 2, 4)


@pytest.mark.parametrize(
    ("completion", "expected"),
    [("a<|im_end|>", True), ("a", False), ("a<|im_end|><|im_end|>", False), ("a<|im_start|>b<|im_end|>", False)],
)
def test_only_one_end_token_at_the_end_will_do(tiny_model: Path, completion: str, expected: bool) -> None:
    encoder = ExampleEncoder(tiny_model)
    assert encoder.ends_once(encoder.encode("", completion)) is expected
