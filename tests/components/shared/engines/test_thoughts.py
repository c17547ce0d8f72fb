import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from components.shared.engines.thoughts import hidden_tokens, open_thought, split_thought

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
        ("<think></think>", "", ""),
        ("Is x < think > y?", "", "Is x < think > y?"),
    ],
)
def test_a_reply_stands_behind_the_last_end_of_a_thought(text: str, thought: str, reply: str) -> None:
    assert split_thought(text) == (thought, reply)


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
