import io
import json

import pytest

from components.shared.engines import Completion
from pipelines.replies import Replies


class Terminal(io.StringIO):
    """What a person sees, and when."""

    def isatty(self) -> bool:
        return True


def completion(text: str, finish_reason: str = "stop", thought: str = "") -> Completion:
    return Completion(text=text, finish_reason=finish_reason, num_tokens=3, thought=thought)


def test_a_terminal_shows_a_reply_as_it_grows() -> None:
    terminal = Terminal()
    replies = Replies(terminal, None, number=1, as_json=False)
    seen = []
    for text in (" How", " How many ", " How many apples"):
        replies.heard(0, text)
        seen.append(terminal.getvalue())
    replies.finished(0, completion(" How many apples?\n"))
    assert seen == ["How", "How many", "How many apples"]
    assert terminal.getvalue() == "How many apples?\n"


def test_a_reply_waits_for_those_before_it_and_then_goes_on_where_it_is() -> None:
    terminal = Terminal()
    replies = Replies(terminal, None, number=3, as_json=False)
    replies.heard(1, "Sec")
    replies.finished(2, completion("Third"))
    replies.heard(0, "Fir")
    assert terminal.getvalue() == "1. Fir"
    replies.finished(0, completion("First"))
    assert terminal.getvalue() == "1. First\n2. Sec"
    replies.heard(1, "Secon")
    replies.finished(1, completion("Second"))
    assert terminal.getvalue() == "1. First\n2. Second\n3. Third\n"


def test_a_thought_that_was_shown_as_it_grew_is_not_followed_by_the_reply_twice() -> None:
    terminal = Terminal()
    replies = Replies(terminal, "2+2?", number=1, as_json=False)
    replies.heard(0, "<think>Hm.</think> It is 4")
    replies.finished(0, completion("It is 4.", thought="Hm."))
    assert terminal.getvalue() == "<think>Hm.</think> It is 4\n"


def test_what_a_terminal_obeys_is_visible_and_harmless() -> None:
    hostile = "a\x1b]0;title\x07b\x9b2Jc\u202ed\re\tf\ng\u00a0h √²"
    plain, machine = io.StringIO(), io.StringIO()
    Replies(plain, None, number=1, as_json=False).finished(0, completion(hostile))
    Replies(machine, None, number=1, as_json=True).finished(0, completion(hostile))
    assert plain.getvalue() == "a\\x1b]0;title\\x07b\\x9b2Jc\\u202ed\\re\tf\ng\u00a0h √²\n"
    assert not {"\x1b", "\x07", "\x9b", "\u202e", "\r"} & {*machine.getvalue()}
    assert json.loads(machine.getvalue())["question"] == hostile
    assert "√²" in machine.getvalue()


def test_json_names_its_fields_as_rows_do() -> None:
    output = io.StringIO()
    Replies(output, "2+2?", number=2, as_json=True).finished(0, completion("So \\boxed{4}.", thought="Hm."))
    assert json.loads(output.getvalue()) == {
        "question": "2+2?",
        "response": "So \\boxed{4}.",
        "final_answer": "4",
        "finish_reason": "stop",
        "num_tokens": 3,
        "thought": "Hm.",
    }
    assert not Replies(Terminal(), None, number=1, as_json=True).is_live


def test_a_reply_that_was_cut_off_is_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    Replies(io.StringIO(), None, number=1, as_json=False).finished(0, completion("How", "length"))
    assert capsys.readouterr().err == "the reply is cut off after 3 tokens; --max-tokens gives it more\n"
