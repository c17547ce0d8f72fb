"""How long a text a scorer takes, also one whose config.json does not say it."""

from __future__ import annotations

from pathlib import Path

import pytest
from transformers import BloomConfig, LlamaConfig, MptConfig, PretrainedConfig, T5Config, XLNetConfig

from components.shared.errors import InputError
from components.shared.scoring.encoding import longest_text


@pytest.mark.parametrize(("max_tokens", "longest"), [(0, 64), (32, 32), (100, 64)])
def test_a_text_is_never_longer_than_the_model_takes(tmp_path: Path, max_tokens: int, longest: int) -> None:
    LlamaConfig(max_position_embeddings=64).save_pretrained(tmp_path)
    assert longest_text(tmp_path, max_tokens) == longest


@pytest.mark.parametrize("kind", [BloomConfig, MptConfig, T5Config, XLNetConfig])
def test_where_the_model_does_not_say_its_limit_max_tokens_has_to(tmp_path: Path, kind: type[PretrainedConfig]) -> None:
    kind().save_pretrained(tmp_path)
    assert longest_text(tmp_path, 100) == 100
    with pytest.raises(InputError, match="give --max-tokens a number of tokens"):
        longest_text(tmp_path, 0)
