"""Thoughts between special tokens, on a tiny random model that opens and closes them by chance."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tokenizers.decoders import ByteLevel

from components.shared.engines import Completion, Request, Sampling, open_engine
from tests.components.shared.engines.test_open_engine import config

if TYPE_CHECKING:
    from components.shared.engines.vllm_engine import VllmEngine

pytestmark = pytest.mark.model
OPEN, CLOSE = "[THINK]", "[/THINK]"


@pytest.fixture(scope="module")
def engine(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmEngine]:
    """The tiny model with two tokens more, whose own chat template begins each reply with a thought."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from components.shared.engines.vllm_engine import VllmEngine

    folder = tmp_path_factory.mktemp("thinking") / "model"
    shutil.copytree(tiny_model, folder)
    write_whole_characters(folder / "tokenizer.json")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": [OPEN, CLOSE]})
    tokenizer.chat_template = tokenizer.chat_template.replace("assistant\n", f"assistant\n{OPEN}")
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["vocab_size"] == len(tokenizer)
    opened = open_engine(config(max_model_len=256, chat_template="own"), str(folder))
    assert isinstance(opened, VllmEngine)
    yield opened
    opened.close()


def write_whole_characters(path: Path) -> None:
    """Give the bytes that are no character by themselves other texts: what is written by chance is then UTF-8."""
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    decoder = ByteLevel()
    tokenizer["model"]["vocab"] = {
        token if decoder.decode([token]).isascii() else f" {number}": number
        for token, number in tokenizer["model"]["vocab"].items()
    }
    path.write_text(json.dumps(tokenizer), encoding="utf-8")


def samples(engine: VllmEngine, sampling: Sampling, **asked: Any) -> list[tuple[list[int], Completion]]:
    """Return what the engine makes of a hundred requests, each with the tokens that the model wrote."""
    written: dict[str, list[int]] = {}
    step = engine.llm.step

    def observed() -> Any:
        outputs = step()
        written.update({output.request_id: list(output.outputs[0].token_ids) for output in outputs})
        return outputs

    engine.llm.step = observed
    requests = [Request(key=n, message="2 + 2?", seed=n, **asked) for n in range(100)]
    results = {str(result.request.key): result.completions[0] for result in engine.generate(requests, sampling)}
    engine.llm.step = step
    assert results.keys() == written.keys()
    return [(written[key], results[key]) for key in results]


def test_special_tokens_end_the_thought_that_the_prompt_opened(engine: VllmEngine) -> None:
    tokenizer = engine.llm.get_tokenizer()
    opening, closing = tokenizer.convert_tokens_to_ids([OPEN, CLOSE])
    closed = 0
    for ids, completion in samples(engine, Sampling(temperature=1.5, max_tokens=100)):
        ends = [number for number, token in enumerate(ids) if token == closing]
        reply = ids[ends[-1] + 1 :] if ends else []
        reply = reply[: reply.index(opening)] if opening in reply else reply
        assert completion.text == tokenizer.decode(reply, skip_special_tokens=True).strip()
        thought = tokenizer.decode(ids[: ends[0]] if ends else ids, skip_special_tokens=True).strip()
        assert completion.thought.startswith(thought)
        assert not any(token in completion.thought + completion.text for token in (OPEN, CLOSE, "<|im_end|>"))
        closed += bool(completion.text)
    assert 0 < closed < 100, "a random model of 261 tokens closes some thoughts by chance"


def test_a_reply_that_the_prompt_begins_ends_in_the_stop_text_and_shows_no_special_token(engine: VllmEngine) -> None:
    made = samples(engine, Sampling(temperature=1.5, max_tokens=100, stop="a"), reply_start="<b>")
    plain = [completion for _, completion in made if not completion.thought]
    assert plain
    assert all(completion.text.startswith("<b>") for completion in plain)
    stopped = [completion for completion in plain if "a" in completion.text]
    assert stopped
    assert all(completion.text.index("a") == len(completion.text) - 1 for completion in stopped)
    assert not any(token in completion.text for _, completion in made for token in (OPEN, CLOSE, "<|im_end|>"))
