import pytest

from components.shared.texts.operations import with_signs


@pytest.mark.parametrize(
    ("words", "signs"),
    [
        ("find the product of 12 and 15", "find 12 * 15"),
        ("multiply 12 by 15", "find 12 * 15"),
        ("subtract 9 from 17", "find 17 - 9"),
        ("find 84 divided by 12", "find 84 / 12"),
        ("find the difference between x and 3", "find x - 3"),
        ("find the difference between 3 and 10", "find 10 - 3"),
        ("the sum of x and y = 10", "x + y = 10"),
        ("z = the product of x and y", "z = x * y"),
        (
            "find the product of 12 and 15 rounded to the nearest hundred",
            "find 12 * 15 rounded to the nearest hundred",
        ),
        ("find 84 divided by 12 as a decimal", "find 84 / 12 as a decimal"),
        ("divide 84 by 12.5 as a decimal", "find 84 / 12.5 as a decimal"),
        ("find the remainder when the sum of 8 and 9 is divided by 7", "find the remainder when 8 + 9 is divided by 7"),
    ],
)
def test_an_operation_on_two_numbers_is_a_sign(words: str, signs: str) -> None:
    assert " ".join(with_signs(words.split())) == signs


@pytest.mark.parametrize(
    "words",
    [
        "find the sum of 3 , 4 and 5",
        "find the sum of 3 and 4 and 5",
        "find the sum of 3 and 4 to the power of 2",
        "the sum of 2 numbers be 25",
        "add 12 to 15 * 3",
        "find the sum of x and y ^ 2",
        "find the difference between 1.2.3 and 2",
    ],
)
def test_what_is_more_than_two_numbers_stays(words: str) -> None:
    assert " ".join(with_signs(words.split())) == words


@pytest.mark.parametrize(
    "words",
    [
        "find 10 - the sum of 3 and 5",
        "find twice the sum of 3 and 5",
        "find 100 / the product of 5 and 4",
        "find the square of the sum of 3 and 5",
        "find 40 % of the sum of x and y",
        "the sum of 3 and 5 is squared",
        "find the remainder when twice the sum of 3 and 5 is divided by 7",
        "find the remainder when the sum of 3 and 5 is squared",
        "find 10 divided by 1 / 2",
        "multiply 3 by 5 minus 2",
    ],
)
def test_an_operation_that_is_a_part_of_another_one_stays(words: str) -> None:
    assert " ".join(with_signs(words.split())) == words
