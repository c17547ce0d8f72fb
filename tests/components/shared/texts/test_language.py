import pytest

from components.shared.texts.language import other_language
from tests.components.shared.language_cases import ENGLISH, OTHER


@pytest.mark.parametrize("question", ENGLISH)
def test_english_mathematics_is_english(question: str) -> None:
    assert other_language(question) == ""


@pytest.mark.parametrize(("question", "language"), OTHER)
def test_other_languages_are_not_english(question: str, language: str) -> None:
    assert other_language(question), language


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("Wie viele Primzahlen gibt es zwischen 1 und 100?", "german"),
        ("Maria tiene 12 manzanas y regala 5 a su hermano. ¿Cuántas le quedan?", "spanish"),
        ("Решите уравнение x^2 = 4.", "cyrillic script"),
        ("一列火车每小时行驶60公里，3小时行驶多少公里？", "cjk script"),
    ],
)
def test_the_language_or_script_is_named(question: str, name: str) -> None:
    assert other_language(question) == name


def test_a_foreign_character_or_a_greek_symbol_leaves_a_question_english() -> None:
    assert other_language("The Chinese numeral 三 stands for 3. What does 三十 stand for?") == ""
    assert other_language("If αβγ = 6 and α + β + γ = 6, find α.") == ""


def test_a_text_without_words_passes_for_english() -> None:
    assert other_language("2 + 2 = ?") == ""


def test_a_detector_that_is_surely_wrong_is_overruled_by_english_words() -> None:
    cement = (
        "The cost of transporting 80 bags of cement, each weighing 50 kgs, is $6000. What's the cost of transporting "
        "three times as many cement bags, each weighing 3/5 times as many kgs?"
    )
    assert other_language(cement) == ""
