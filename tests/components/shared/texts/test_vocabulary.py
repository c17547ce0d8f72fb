from __future__ import annotations

import pytest

from components.shared.texts.vocabulary import english_function_words, is_english, language_of


@pytest.mark.parametrize(
    "word",
    ["find", "planned", "halves", "diagonalize", "nonnegative", "tried", "running", "baker's", "crêpes", "unsold"],
)
def test_english_words_are_known_with_their_usual_beginnings_and_endings(word: str) -> None:
    assert is_english(word)


@pytest.mark.parametrize("word", ["calculer", "factoriser", "developper", "und", "cuanto", "hai", "les", "boxwoodish"])
def test_words_of_other_languages_are_not_known(word: str) -> None:
    assert not is_english(word)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("¿cuántas le quedan por cada uno", "spanish"),
        ("résoudre et simplifier", "french"),
        ("kitna hoga", "hindi"),
        ("the value each", ""),
        ("blorks zops", ""),
    ],
)
def test_a_language_is_named_by_the_words_that_are_its_own_with_accents_or_without(text: str, language: str) -> None:
    assert language_of(text.strip("¿").split()) == language


def test_words_that_every_english_text_has_are_english() -> None:
    assert all(map(is_english, english_function_words()))
