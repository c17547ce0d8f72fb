import pytest

from components.shared.texts.wording import wording_of


def meanings(question: str) -> list[list[str]]:
    return [[word.meaning for word in sentence] for sentence in wording_of(question).sentences]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ella purchased twelve stamps for $5.", "Viktor buys 12 stamps for 5 dollars."),
        ("What is the product of 4 and 7?", "Determine the product of 4 and 7."),
        ("She doesn't sell half of the hats.", "He does not sell 1/2 of the hats."),
        ("Mr. Dunn drives 45 km each day.", "Ms. Okoye drives 45 kilometres per day."),
        ("How many coins does Ben have in total?", "What number of coins does Ben have all together?"),
        ("Ben's aunt has twice as many.", "Ada's aunt has double as many."),
    ],
)
def test_what_means_the_same_is_the_same(one: str, other: str) -> None:
    assert meanings(one) == meanings(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Find the largest value.", "Find the smallest value."),
        ("He can swim.", "He cannot swim."),
        ("with replacement", "without replacement"),
        ("What is 5!?", "What is 5?"),
        ("Find a + b.", "Find b."),
        ("12 cm", "12 m"),
    ],
)
def test_what_is_asked_for_stays(one: str, other: str) -> None:
    assert meanings(one) != meanings(other)


def test_names_are_capitalised_words_that_nobody_knows() -> None:
    assert meanings("Ella and Omar met Ella in May.") == [["@", "and", "@", "met", "@", "in", "may"]]
    assert meanings("Trapezoids with $x=2$ are red.")[0][0] == "trapezoid"
    assert meanings("Arrange the letters of Ella.")[0][-1] == "ella"


def test_sentences_end_where_no_title_and_no_factorial_stands() -> None:
    assert len(wording_of("Mr. Dunn has 3 hats. What is 5! + 1? Say it!").sentences) == 3


def test_numbers_signs_and_variables_are_data() -> None:
    assert [word.meaning for word in wording_of(r"Ella says $x^2 = 12$ cm.").words if word.is_datum] == [
        "x",
        "^",
        "2",
        "=",
        "12",
    ]
