import pytest

from components.shared.errors import InputError
from components.shared.jobs.pod_numbers import MAX_PODS, PodNumbers, read_pod_numbers


@pytest.mark.parametrize(
    ("text", "least", "most", "is_range"),
    [("1", 1, 1, False), ("8", 8, 8, False), ("2..16", 2, 16, True), ("4..4", 4, 4, False), ("256", 256, 256, False)],
)
def test_a_number_is_a_range_of_one(text: str, least: int, most: int, is_range: bool) -> None:
    numbers = read_pod_numbers(text)
    assert (numbers, numbers.is_range) == (PodNumbers(least=least, most=most), is_range)


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "two", "8.0", "16..2", "0..4", "2..", "..4", "2-4", "1..257", "9" * 9, " 8"]
)
def test_anything_else_is_refused_with_what_is_accepted(text: str) -> None:
    with pytest.raises(InputError) as raised:
        read_pod_numbers(text)
    assert str(raised.value) == (
        f"pods {text!r} is not accepted; expected a number from 1 to {MAX_PODS}, or a range of them such as 2..16"
    )
