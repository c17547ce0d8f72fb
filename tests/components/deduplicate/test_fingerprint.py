import pytest

from components.deduplicate.fingerprint import numbers_of, shingles_of, tokens_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is 2+2?", "what is  2 + 2"),
        ("Tom’s “red” book", 'tom\'s "red" book'),
        ("Find $x$ if \\(x^2 = 4\\).", "Find x if x^2 = 4"),
        ("It costs 1,250 dollars.", "It costs 1250 dollars"),
        ("Compute 3 × 4 − 1.", "Compute 3 \\times 4 - 1"),
        ("A 5-year-old boy", "a 5 year old boy"),
    ],
)
def test_layout_makes_no_difference(one: str, other: str) -> None:
    assert tokens_of(one) == tokens_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Tom has 3 apples", "Tom has 4 apples"),
        ("Tom has 3 and then 4 apples", "Tom has 4 and then 3 apples"),
        ("twice as many", "three times as many"),
        ("Solve x^2 - 5x + 6 = 0", "Solve x^2 + 5x + 6 = 0"),
        ("Find x", "Find y"),
        ("What is \\sin 30?", "What is \\cos 30?"),
        ("It costs 1.5 dollars", "It costs 15 dollars"),
        ("x^2", "x²"),
    ],
)
def test_numbers_signs_and_variables_tell_questions_apart(one: str, other: str) -> None:
    assert numbers_of(tokens_of(one)) != numbers_of(tokens_of(other))


def test_number_words_count_by_value_and_other_words_do_not() -> None:
    assert numbers_of(tokens_of("A man has twice as many, three more than Tom's 12.")) == ["2", "3", "12"]


def test_shingles_are_distinct_runs_of_three_words_or_the_whole_text() -> None:
    assert sorted(shingles_of(["a", "b", "c", "d"])) == ["a b c", "b c d"]
    assert shingles_of(["a", "b"]) == ["a b"]
    assert shingles_of([]) == [""]
