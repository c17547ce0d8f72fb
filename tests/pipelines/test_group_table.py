from __future__ import annotations

import io

from rich.console import Console

from pipelines.group_table import print_groups

OBEYED = "\x1b]0;PWN\x07\x1b[31mX[bold]\u202e"


def test_a_terminal_obeys_no_name_of_a_group() -> None:
    output = io.StringIO()
    figures = dict.fromkeys(("num_questions", "num_correct", "accuracy", "accuracy_low", "accuracy_high"), 1.0)
    print_groups(
        Console(file=output, width=200), {f"subject/{OBEYED}/{name}": value for name, value in figures.items()}
    )
    shown = output.getvalue()
    assert r"\x1b]0;PWN\x07\x1b[31mX[bold]\u202e" in shown
    assert all(character.isprintable() or character == "\n" for character in shown)
