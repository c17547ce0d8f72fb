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
        ("Find the largest possible value of 3x.", "Find the maximum of 3x."),
        ("A box has a length of 5 cm and a width of 4 cm.", "A box has length 5 cm and width 4 cm."),
        ("Solve 2x + 3 = 11 for x.", "Solve 2x + 3 = 11."),
        ("What is x if 2x + 3 = 11?", "Let 2x + 3 = 11. What is x?"),
        ("Tom earned 4.00 dollars.", "Ann earned $4."),
        ("A dog of 12 pounds eats 3 cookies and sees movies.", "A dog of 12 lb eats 3 biscuits and sees films."),
        ("One cookie, two cookies.", "One biscuit, two biscuits."),
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
        ("Solve a + b = 5 for a.", "Solve a + b = 5 for b."),
        ("What is x if y = 6?", "What is y if x = 6?"),
        ("Determine if 91 is prime.", "Determine 91 is prime."),
    ],
)
def test_what_is_asked_for_stays(one: str, other: str) -> None:
    assert meanings(one) != meanings(other)


def test_a_clause_reads_as_a_sentence_of_its_own() -> None:
    first, second = meanings("Tom has 8 pens. He gives 3 away.")
    assert meanings("Tom has 8 pens, and he gives 3 away.") == [first + second]


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
