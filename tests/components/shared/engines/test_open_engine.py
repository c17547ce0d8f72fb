from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from components.shared.config.engines import EngineConfig
from components.shared.engines import Request, Sampling, check_engine, open_engine
from components.shared.engines.scripted_engine import ScriptedEngine
from components.shared.errors import InputError
from tests.components.shared.engines.served import Answer, reply, serve

SAMPLING = Sampling(temperature=0.0, max_tokens=9)


@dataclass(frozen=True, kw_only=True)
class AskConfig(EngineConfig):
    """A step's config that has an engine."""


def config(**options: Any) -> AskConfig:
    return AskConfig(workspace="w", **options)


def test_the_engine_option_decides_what_answers() -> None:
    assert isinstance(open_engine(config(engine="scripted"), "scripted:x"), ScriptedEngine)
    with serve(lambda *_: reply("from the endpoint"), Answer(body={"data": [{"id": "m"}]})) as served:
        chosen = config(engine="openai", endpoint=served.url)
        check_engine(chosen, "openai:m", SAMPLING)
        request = Request(key=0, message="q", seed=0)
        (result,) = open_engine(chosen, "openai:m").generate([request], SAMPLING)
    assert result.completions[0].text == "from the endpoint"


def test_an_endpoint_must_be_given() -> None:
    with pytest.raises(InputError, match="--engine openai needs --endpoint"):
        check_engine(config(engine="openai"), "openai:m", SAMPLING)


@pytest.mark.parametrize("secret", ["user:secret", "secret"])
def test_an_endpoint_with_a_secret_in_it_is_refused_and_the_secret_not_repeated(secret: str) -> None:
    with pytest.raises(InputError, match="--api-key-env") as refused:
        check_engine(config(engine="openai", endpoint=f"https://{secret}@127.0.0.1:1/v1"), "openai:m", SAMPLING)
    assert "secret@" not in str(refused.value)


@pytest.mark.parametrize("model", ["gpt-4o-mini", "openai:", "hf://org/name"])
def test_a_served_model_is_marked_as_one(model: str) -> None:
    with pytest.raises(InputError, match="with --engine openai write openai:NAME"):
        check_engine(config(engine="openai", endpoint="http://127.0.0.1:1/v1"), model, SAMPLING)


def test_a_chat_family_must_exist() -> None:
    with pytest.raises(InputError, match="--chat-template 'qwen9' is not accepted; expected one of own, alpaca, "):
        config(chat_template="qwen9")


def test_a_chat_family_must_fit_the_model(tiny_model: Path) -> None:
    with pytest.raises(InputError, match="does not fit the model"):
        check_engine(config(chat_template="llama3"), str(tiny_model), SAMPLING)


def test_weights_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no weights"):
        check_engine(config(), str(tmp_path), SAMPLING)


def test_a_model_that_was_never_taught_to_chat_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny_model, base)
    (base / "chat_template.jinja").unlink()
    with pytest.raises(InputError, match="has no chat template of its own"):
        check_engine(config(), str(base), SAMPLING)


def test_a_missing_vllm_is_said_and_what_to_do(monkeypatch: pytest.MonkeyPatch, tiny_model: Path) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "vllm" else found(name))
    with pytest.raises(
        InputError, match=r"engine 'vllm' needs the package 'vllm'.*environment that has vllm, or pass --engine"
    ):
        check_engine(config(), str(tiny_model), SAMPLING)
