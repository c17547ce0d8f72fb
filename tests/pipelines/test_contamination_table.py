from __future__ import annotations

import io

from rich.console import Console

from components.shared.records import Contamination
from pipelines.contamination_table import print_contamination
from tests.pipelines.test_group_table import OBEYED


def test_a_terminal_obeys_no_name_of_a_benchmark() -> None:
    output = io.StringIO()
    row = Contamination(
        id="a", question="a", source=OBEYED, rules=(OBEYED,), num_training_rows=(1,), training_ids=("b",),
        training_questions=("a",),
    )  # fmt: skip
    print_contamination(Console(file=output, width=200), [row])
    shown = output.getvalue()
    assert shown.count(r"\x1b]0;PWN\x07\x1b[31mX[bold]\u202e") == 2
    assert all(character.isprintable() or character == "\n" for character in shown)
