"""The hub's token is masked wherever it comes from, and one that cannot be sent is refused without being shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import constants

from components.shared.errors import InputError
from components.shared.hub_token import hub_token
from components.shared.redaction import MASK, redacted


@pytest.fixture(autouse=True)
def token_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    return tmp_path / "token"


def test_there_need_be_no_token() -> None:
    assert hub_token() == ""


@pytest.mark.parametrize("content", [b"hf_canary", b"hf_canary\n", b" hf_canary\r\n"])
def test_a_token_of_the_file_is_masked(token_file: Path, content: bytes) -> None:
    token_file.write_bytes(content)
    assert hub_token() == "hf_canary"
    assert redacted("Bearer hf_canary") == f"Bearer {MASK}"


@pytest.mark.parametrize("content", ["hf_canary\x01", "hf_can ary", "hf_canäry", "hf_canary\u200b", "\ufeffhf_canary"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_shown(
    token_file: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token_file.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match="which no token has") as of_file:
        hub_token()
    monkeypatch.setenv("HF_TOKEN", content)
    with pytest.raises(InputError, match="which no token has") as of_variable:
        hub_token()
    assert "can" not in f"{of_file.value}{of_variable.value}".replace("cannot", "")


def test_a_file_that_is_no_text_is_refused(token_file: Path) -> None:
    token_file.write_bytes(b"hf_canary\xe4")
    with pytest.raises(InputError, match="which no token has"):
        hub_token()
