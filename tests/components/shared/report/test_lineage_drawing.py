from __future__ import annotations

import re

from components.shared.report.lineage_drawing import LANE, LEFT, ROW, draw
from tests.components.shared.report.stages import stage

STAGES = [
    stage("import_model", kind="model"),
    stage("import_questions"),
    stage("train_sft", kind="model", reads=["import_model", "import_questions"]),
    stage("generate_questions", reads=["train_sft"]),
    stage("filter_language", reads=["generate_questions"]),
    stage("generate_responses", reads=["filter_language", "import_model"]),
]
ROWS = frozenset({"w/generate_questions/1", "w/filter_language/1", "w/generate_responses/1"})


def test_each_stage_has_a_line_of_its_own_and_each_input_a_path() -> None:
    drawing = draw(STAGES, ROWS)
    assert [dot.y for dot in drawing.dots] == [ROW * number + ROW // 2 for number in range(6)]
    assert [dot.kind for dot in drawing.dots] == ["model", "aside", "model", "rows", "rows", "rows"]
    assert sorted(line.kind for line in drawing.lines) == ["aside", "model", "model", "model", "rows", "rows"]
    assert drawing.height == 6 * ROW


def test_no_dot_stands_on_a_path_that_it_is_not_an_end_of() -> None:
    drawing = draw(STAGES, ROWS)
    for line in drawing.lines:
        x, start, bend, end = map(int, [*re.findall(r"\d+", line.path)[:3], line.path.split()[-1]])
        between = [dot for dot in drawing.dots if dot.x == x and start < dot.y <= bend < end]
        assert between == [], line


def test_lines_that_have_ended_make_room() -> None:
    chain = [stage("s0")] + [stage(f"s{n}", reads=[f"s{n - 1}"]) for n in range(1, 30)]
    assert {dot.x for dot in draw(chain, frozenset()).dots} == {LEFT}
    assert draw(chain, frozenset()).width == 2 * LEFT
    assert draw(STAGES, ROWS).width <= 2 * LEFT + 2 * LANE
    assert draw([], frozenset()).height == 0
