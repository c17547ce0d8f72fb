import json
from pathlib import Path
from typing import Any

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st
from mistral_common.protocol.instruct.chunk import TextChunk, ThinkChunk
from mistral_common.protocol.instruct.messages import AssistantMessage, UserMessage
from mistral_common.protocol.instruct.request import InstructRequest
from mistral_common.tokens.tokenizers.instruct import InstructTokenizerV13
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from transformers.integrations.mistral.tokenizer import MistralConverter
from transformers.utils.chat_template_utils import render_jinja_template

from components.shared.engines.thoughts import hidden_tokens, open_thought, split_thought
from tests.components.shared.templates.zoo import shipped
from tests.vocabularies import file_of

REPLY = "So it is \\boxed{4}."


@pytest.mark.parametrize(
    ("text", "thought", "reply"),
    [
        (REPLY, "", REPLY),
        (f"<think>Two and two.</think>\n\n{REPLY}", "Two and two.", REPLY),
        (f"Two and two.\n</think>\n{REPLY}", "Two and two.", REPLY),
        (f"<thinking>Hm</thinking>{REPLY}", "Hm", REPLY),
        (f"[THINK]Hm[/THINK]{REPLY}", "Hm", REPLY),
        (f"◁think▷Hm◁/think▷{REPLY}", "Hm", REPLY),
        (f"<|begin_of_thought|>Hm<|end_of_thought|><|begin_of_solution|>{REPLY}<|end_of_solution|>", "Hm", REPLY),
        (f"<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>final<|message|>{REPLY}", "Hm", REPLY),
        ("<think>Two and", "Two and", ""),
        (f"<think>a</think>Is it? <think>b</think>{REPLY}", "a\nIs it? b", REPLY),
        (f"<think>a</think>{REPLY}<think>cut", "a\ncut", REPLY),
        (f"<|START_THINKING|>Hm<|END_THINKING|><|START_RESPONSE|>{REPLY}<|END_RESPONSE|>", "Hm", REPLY),
        (f"<|channel>thought\nHm<channel|>{REPLY}", "Hm", REPLY),
        (f"<|channel|>final<|message|>{REPLY}<|return|>", "", REPLY),
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary<|message|>b<|end|>"
            f"<|start|>assistant<|channel|>final<|message|>{REPLY}<|return|>",
            "ab",
            REPLY,
        ),
        (f"<|channel|>commentary to=user <|constrain|>json<|message|>a<|end|><|channel|>final json<|message|>{REPLY}",
         "a", REPLY),
        (f"analysisWe add.assistantfinal{REPLY}", "We add.", REPLY),
        ("analysisWe add", "We add", ""),
        ("analysis: it is 4.", "", "analysis: it is 4."),
        (f"Here is my thought process:\nHm\n\nHere is my response:\n{REPLY}", "Hm", REPLY),
        (f"Here's my thought process: {REPLY}", "", f"Here's my thought process: {REPLY}"),
        (f"Here are my reasoning steps:\nHm\n[BEGIN FINAL RESPONSE]\n{REPLY}\n[END FINAL RESPONSE]",
         "Here are my reasoning steps:\nHm", REPLY),
        (f" to=self<|message|>Hm<|eom|><|start|>assistant to=user<|message|>{REPLY}", "Hm", REPLY),
        (f"<|content_thinking|>Hm<|end_message|><|message_model|><|content_text|>{REPLY}<|end_message|>", "Hm", REPLY),
        (f"<|open|>think<|sep|>Hm<|close|>think<|sep|><|open|>response<|sep|>{REPLY}<|close|>response<|sep|>"
         "<|close|>message<|sep|>", "Hm", REPLY),
        (f"<|open|>response<|sep|>{REPLY}<|close|>response<|sep|>", "", REPLY),
        (f"<|plamo:begin_think:plamo|>Hm<|plamo:end_think:plamo|>{REPLY}", "Hm", REPLY),
        (f"<think:opensource>Hm</think:opensource>{REPLY}", "Hm", REPLY),
        (f"<ifm|think_fast>Hm</ifm|think_fast>{REPLY}", "Hm", REPLY),
        (f"<think>Hm</think>\n<answer>\n{REPLY}\n</answer>", "Hm", REPLY),
        (f"<Thought>Hm</Thought><Output>{REPLY}</Output>", "Hm", REPLY),
        (f"<think>Hm</think>\n\n<response>{REPLY}</response>", "Hm", REPLY),
        (f"<answer>{REPLY}</answer>", "", f"<answer>{REPLY}</answer>"),
        ("<think>Hm</think>So <|begin_of_box|>4<|end_of_box|>.", "Hm", "So 4."),
        ("<think></think>", "", ""),
        ("Is x < think > y?", "", "Is x < think > y?"),
    ],
)  # fmt: skip
def test_a_reply_stands_behind_the_last_end_of_a_thought(text: str, thought: str, reply: str) -> None:
    assert split_thought(text) == (thought, reply)


THOUGHT = "Two and two."
# Chat templates of reasoning models, and what each calls a thought.
TEMPLATES = {
    "gemma4_v5": "reasoning", "glm4moe": "reasoning_content", "gptoss": "thinking", "lfm2_2_5_v2": "thinking",
    "muse_glimmer": "reasoning_content", "nemotron_3_nano": "reasoning_content", "qwen3": "reasoning_content",
    "qwen3_8": "reasoning_content",
}  # fmt: skip


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_turn_as_a_real_chat_template_writes_it_is_taken_apart(name: str) -> None:
    turns = [{"role": "user", "content": "2 + 2?"}, {"role": "assistant", "content": REPLY, TEMPLATES[name]: THOUGHT}]
    whole, prompt = (
        render_jinja_template([told], chat_template=shipped(name), add_generation_prompt=is_prompt)[0][0]
        for told, is_prompt in ((turns, False), (turns[:1], True))
    )
    assert whole.startswith(prompt)
    thought, reply = split_thought(whole.removeprefix(prompt), [(0, open_thought(prompt))])
    assert (thought, reply.partition("<")[0].strip()) == (THOUGHT, REPLY), "a server omits the end token"


@pytest.mark.slow
def test_a_turn_as_mistral_encodes_it_for_magistral_is_taken_apart(tmp_path: Path) -> None:
    names = [special["token_str"] for special in Tekkenizer.DEPRECATED_SPECIAL_TOKENS]
    names += [*(f"<SPECIAL_{number}>" for number in range(20, 32)), "[ARGS]", "[CALL_ID]", "[THINK]", "[/THINK]"]
    content = json.loads(file_of("mistral_common", "data", "tekken_240911.json").read_text(encoding="utf-8"))
    content["special_tokens"] = [
        {"rank": number, "token_str": name, "is_control": True} for number, name in enumerate(names)
    ]
    content["config"]["version"] = "v13"
    file = tmp_path / "tekken_240911.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    reply = AssistantMessage(content=[ThinkChunk(thinking=THOUGHT), TextChunk(text=REPLY)])
    asked: InstructRequest[Any, Any] = InstructRequest(messages=[UserMessage(content="2 + 2?"), reply])
    encoded = InstructTokenizerV13(Tekkenizer.from_file(file)).encode_instruct(asked).tokens
    start = encoded.index(names.index("[/INST]")) + 1
    made = MistralConverter(str(file)).converted()
    special = {number: token.content for number, token in made.get_added_tokens_decoder().items()}
    hidden = hidden_tokens(encoded[start:], special, made.decode, before=encoded[:start])
    shown = made.decode(encoded[start:])
    assert shown == THOUGHT + REPLY, "as a server that omits special tokens shows it"
    assert split_thought(shown, hidden) == (THOUGHT, REPLY)


@given(st.text(), st.text())
def test_no_text_of_a_thought_is_in_the_reply(thought: str, reply: str) -> None:
    marked = f"<think>KNOWN{thought}</think>{reply}"
    assert "KNOWN" not in split_thought(marked)[1] or "KNOWN" in reply


SPECIAL = ("[THINK]", "[/THINK]", "<think>", "</think>", "</s>", "<pad>")
HARMONY = ("<|channel|>", "<|message|>", "<|start|>", "<|end|>", "<|return|>")


def tokenizer(kind: str) -> tokenizers.Tokenizer:
    """Return a tokenizer of letters, whose special tokens no text shows."""
    marked = {token: number for number, token in enumerate((*SPECIAL, *HARMONY))}
    letters = tokenizers.pre_tokenizers.ByteLevel.alphabet() if kind == "bytes" else [*map(chr, range(33, 127)), "▁"]
    vocabulary = marked | {letter: len(marked) + number for number, letter in enumerate(sorted(letters))}
    made = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocabulary, merges=[]))
    if kind == "bytes":
        made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = tokenizers.decoders.ByteLevel()
    else:
        made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme="first")
        made.decoder = tokenizers.decoders.Metaspace(prepend_scheme="first")
    made.add_special_tokens([tokenizers.AddedToken(token, special=True, normalized=False) for token in marked])
    return made


def written(made: tokenizers.Tokenizer, text: str) -> tuple[str, list[tuple[int, str]]]:
    """Return the text of a sample as an engine shows it, which writes token after token, and its hidden tokens."""
    before = made.encode("So: [/THINK]", add_special_tokens=False).ids
    ids = made.encode(text, add_special_tokens=False).ids
    special = {number: token.content for number, token in made.get_added_tokens_decoder().items()}
    stream = tokenizers.decoders.DecodeStream(ids=before, skip_special_tokens=True)
    shown = "".join(stream.step(made, token) or "" for token in ids)
    return shown, hidden_tokens(ids, special, made.decode, before=before)


@pytest.mark.parametrize("kind", ["bytes", "pieces"])
@pytest.mark.parametrize(
    ("text", "thought", "reply"),
    [
        (f"{REPLY}</s>", "", REPLY),
        (f"[THINK]Two and two. [/THINK] {REPLY}</s>", "Two and two.", REPLY),
        (f"Two and two.[/THINK]{REPLY}", "Two and two.", REPLY),
        (f"<think>Hm<pad>, so</think>{REPLY[:5]}<pad>{REPLY[5:]}</s>", "Hm, so", REPLY),
        (f"<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>final<|message|>{REPLY}<|return|>",
         "Hm", REPLY),
        (f"<|channel|>final<|message|>{REPLY}<|return|>", "", REPLY),
        ("<|channel|>analysis<|message|>Two and", "Two and", ""),
        ("[THINK]Two and", "Two and", ""),
        (f"[THINK]a[/THINK]{REPLY}[THINK]cut", "a\ncut", REPLY),
        ("[THINK][/THINK]</s>", "", ""),
    ],
)  # fmt: skip
def test_special_tokens_mark_a_thought_and_are_in_no_text(kind: str, text: str, thought: str, reply: str) -> None:
    shown, hidden = written(tokenizer(kind), text)
    assert not any(token in shown for token in (*SPECIAL, *HARMONY))
    assert tuple(part.strip() for part in split_thought(shown, hidden)) == (thought, reply)


@given(st.lists(st.sampled_from([*SPECIAL, "a", " b", "é", "∑", " "]), max_size=20))
def test_hidden_tokens_put_back_give_the_whole_text(pieces: list[str]) -> None:
    shown, hidden = written(tokenizer("bytes"), "".join(pieces))
    for position, token in reversed(hidden):
        shown = shown[:position] + token + shown[position:]
    assert shown == "".join(pieces)


@pytest.mark.parametrize(
    ("prompt", "tag"),
    [
        ("<|im_start|>assistant\n", ""),
        ("<|im_start|>assistant\n<think>\n", "<think>"),
        ("<|im_start|>assistant\n<think>\n\n</think>\n\n", ""),
        ("[/INST][THINK]", "[THINK]"),
        ("<|end|><|start|>assistant", ""),
        ("<|turn>model\n<|channel>thought\n<channel|>", ""),
    ],
)
def test_a_thought_that_the_prompt_opened_and_nothing_closed_is_no_reply(prompt: str, tag: str) -> None:
    opened = open_thought(prompt)
    assert opened == tag
    assert split_thought(REPLY, [(0, opened)]) == ((REPLY, "") if tag else ("", REPLY))
