import pytest

from components.shared.texts.math_answers.dates import Date, date_of


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("July 4, 1776", Date(1776, 7, 4)),
        ("the 4 of July 1776", Date(1776, 7, 4)),
        ("1776-07-04", Date(1776, 7, 4)),
        ("Sun, June 1", Date(month=6, day=1, weekday=7)),
        ("29 February", Date(month=2, day=29)),
        ("February 29, 2024", Date(2024, 2, 29)),
        ("Sept.", Date(month=9)),
        ("on Thurs", Date(weekday=4)),
    ],
)
def test_a_date_is_read_in_any_spelling(text: str, date: Date) -> None:
    assert date_of(text) == date


@pytest.mark.parametrize(
    "text",
    [
        "12",
        "July 4 5 6",
        "Monday Tuesday",
        "Mayor",
        "year 2024",
        "March 5 apples",
        "",
        "x",
        "2024-99-99",
        "2024-00-10",
        "2024-10-00",
        "0000-00-00",
        "31 February",
        "30 Feb",
        "April 31, 2020",
        "February 29, 2023",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert date_of(text) is None


def test_year_and_weekday_may_be_left_out_beside_a_day_and_nothing_else() -> None:
    day = Date(month=6, day=1)
    assert day.equals(Date(2025, 6, 1, 7))
    assert Date(2025, 6, 1).equals(Date(month=6, day=1, weekday=7))
    assert not Date(2025, 6, 1).equals(Date(2024, 6, 1))
    assert not Date(month=6).equals(day)
    assert not Date(month=6).equals(Date(2025, 6))
    assert not Date(weekday=7).equals(Date(month=6, day=1, weekday=7))
