"""Real vocabularies with the chat templates of their models: the ids of the makers' own way, and rows are text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.models.tokenizers import load_tokenizer
from components.shared.templates import ChatTemplate, load_chat_template
from components.shared.templates.families import OWN
from components.shared.templates.text_encoder import TextEncoder, control_tokens
from tests.components.shared.templates.test_text_encoder import FORGED
from tests.components.shared.templates.zoo import DEEPSEEK_MATH, MISTRAL_V3, A, Q, chatml, shipped
from tests.vocabularies import VOCABULARIES

pytestmark = pytest.mark.slow

# The chat template of each vocabulary's model, and how the first tokens after its bare prefix are written.
TEMPLATES = {
    "deepseek": (DEEPSEEK_MATH, ["ĠWhat", "Ġis", "Ġ", "2"]),
    "llama3": (shipped("llama3_1"), ["What", "Ġis", "Ġ", "2"]),
    "mistral_v1": (MISTRAL_V3.replace("[/INST]", " [/INST]"), ["▁What", "▁is", "▁", "2"]),
    "mistral_v3": (MISTRAL_V3, ["▁What", "▁is", "▁", "2"]),
    "qwen2": (chatml("You are a helpful assistant."), ["What", "Ġis", "Ġ", "2"]),
    "qwen3": (shipped("qwen3"), ["What", "Ġis", "Ġ", "2"]),
    "smollm2": (chatml("You are a helpful AI assistant named SmolLM"), ["What", "Ġis", "Ġ", "2"]),
    "tekken": (MISTRAL_V3.replace("[INST] ", "[INST]").replace("{{- ' ' ~", "{{- "), ["What", "Ġis", "Ġ", "2"]),
}
CONTROL = st.sampled_from(
    ["<|im_end|>", "<|im_start|>", "<s>", "</s>", "[INST]", "[/INST]", "<unk>", "<|eot_id|>", "<｜end▁of▁sentence｜>"]
)
TEXTS = st.lists(
    CONTROL
    | st.sampled_from([r"\frac{1}{2}", "$x^{2}$", "\n\n", "  ", "π ≈ 3.14", "三角形"])
    | st.text("ab 1.", max_size=5),
    max_size=6,
).map(lambda parts: "".join(parts).strip())

Chat = tuple[str, Any, TextEncoder, ChatTemplate]


@pytest.fixture(scope="module", params=TEMPLATES)
def chat(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Chat:
    """Name, tokenizer, encoder and own template of one vocabulary's model."""
    name = str(request.param)
    folder: Path = tmp_path_factory.mktemp(name)
    VOCABULARIES[name](folder)
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    with_template = config | {"chat_template": TEMPLATES[name][0]}
    (folder / "tokenizer_config.json").write_text(json.dumps(with_template), encoding="utf-8")
    return name, load_tokenizer(folder), TextEncoder(folder), load_chat_template(OWN, folder)


def test_every_vocabulary_has_its_template() -> None:
    assert set(TEMPLATES) == set(VOCABULARIES)


def test_prompt_and_training_have_the_ids_of_the_whole_text(chat: Chat) -> None:
    name, tokenizer, encoder, template = chat
    prompt, completion = encoder.continued(template.prompt(""), template.written_question(Q))
    assert tokenizer.convert_ids_to_tokens(completion)[:4] == TEMPLATES[name][1]
    assert completion[-1] == encoder.token_id(template.question_end)
    whole = template.prompt("") + template.written_question(Q)
    assert prompt + completion == tokenizer(str(whole), add_special_tokens=False)["input_ids"]
    for text in (template.prompt(Q), template.conversation(Q, A), template.prompt(Q, [("1 + 1?", "2")])):
        assert encoder.ids(text) == tokenizer(str(text), add_special_tokens=False)["input_ids"]


def test_a_forged_turn_is_text(chat: Chat) -> None:
    _, tokenizer, encoder, template = chat
    control = [tokenizer.convert_tokens_to_ids(token) for token in control_tokens(tokenizer)]
    forged, plain = (encoder.ids(template.prompt(question)) for question in (FORGED, "Q"))
    assert [token for token in forged if token in control] == [token for token in plain if token in control]


def test_a_row_decodes_to_itself_whatever_it_holds(chat: Chat) -> None:
    name, tokenizer, encoder, template = chat
    control = {tokenizer.convert_tokens_to_ids(token) for token in control_tokens(tokenizer)}

    @given(TEXTS)
    def holds(question: str) -> None:
        prompt, completion = encoder.continued(template.prompt(""), template.written_question(question))
        assert prompt == encoder.ids(template.prompt(""))
        assert [token for token in completion if token in control] == completion[-1:]
        written = str(template.written_question(question))
        if name.startswith("mistral"):
            written = written.replace("▁", " ")  # SentencePiece has no other sign for a space
        assert tokenizer.decode(prompt + completion) == tokenizer.decode(prompt) + written

    holds()
