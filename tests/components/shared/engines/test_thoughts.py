import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.engines.thoughts import split_thought

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
