from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from components.shared.publishing import distribution
from components.shared.publishing.distribution import distribution_page, read_distribution
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.row_sources import open_source
from tests.conftest import WriteRows


def rated(workspace: Workspace, write_rows: WriteRows, values: list[float | None], rows_per_part: int = 1024) -> str:
    rows = [
        Question(id=f"q{number}", question="?", source="given", difficulty=value) for number, value in enumerate(values)
    ]
    return write_rows(workspace, rows, rows_per_part=rows_per_part)


def page_of(folder: str) -> str:
    return distribution_page(folder, "difficulty", title="T", values="fail rates").decode()


def drawn(page: str) -> list[tuple[str, float, str]]:
    """Label, length and number of each bar of the drawing."""
    drawing = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    return [(g[0].text or "", float(g[1].attrib["width"]), g[2].text or "") for g in drawing]


def test_few_values_have_a_bar_each_whose_length_is_their_number(workspace: Workspace, write_rows: WriteRows) -> None:
    folder = rated(workspace, write_rows, [0.0, 0.0, 0.0, 0.0, 0.5, 1.0, 1.0])
    assert drawn(page_of(folder)) == [("0", 420.0, "4"), ("0.5", 105.0, "1"), ("1", 210.0, "2")]
    assert "Mean 0.357, median 0, from 0 to 1." in page_of(folder)


def test_values_that_hardly_repeat_are_counted_in_bins(workspace: Workspace, write_rows: WriteRows) -> None:
    assert len(drawn(page_of(rated(workspace, write_rows, [0.1, 0.25, 0.7, 0.7])))) == 6


def test_many_values_are_counted_once_each_in_ten_bins(workspace: Workspace, write_rows: WriteRows) -> None:
    bars = drawn(page_of(rated(workspace, write_rows, [number / 100 for number in range(101)])))
    assert len(bars) == 10
    assert sum(int(number) for _, _, number in bars) == 101


def test_a_folder_without_values_says_so(workspace: Workspace, write_rows: WriteRows) -> None:
    page = page_of(rated(workspace, write_rows, [None, None]))
    assert "<svg" not in page
    assert "No row has a value." in page


def test_of_many_parts_some_are_read_that_are_spread_over_all(
    workspace: Workspace, write_rows: WriteRows, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distribution, "MAX_PARTS", 4)
    folder = rated(workspace, write_rows, [number / 100 for number in range(90)], rows_per_part=10)
    found = read_distribution(open_source(folder), "difficulty")
    assert (found.num_read, found.num_rows, len(found.values)) == (40, 90, 40)
    assert sorted({int(value * 10) for value in found.values}) == [0, 2, 4, 6]
    assert "Counted in 40 of the 90 rows kept" in page_of(folder)


def test_the_page_loads_nothing_and_a_hostile_title_is_text(workspace: Workspace, write_rows: WriteRows) -> None:
    folder = rated(workspace, write_rows, [0.5])
    page = distribution_page(folder, "difficulty", title="<script>x</script>", values='"><b>').decode()
    assert not re.search(r"<script|<b>|src=|href=|url\(|@import|https?://", page)
