"""Whether a question is in English: by its words, and by lingua if these do not settle it.

A sentence is surely English if nearly all of its words are, surely in another language if few are and none of them is a
word that every English text has. Half foreign is foreign: a story in English with a question in Spanish is rejected.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from components.shared.texts.canonical import bare
from components.shared.texts.latex import without_text
from components.shared.texts.prose import prose_sentences, words_in
from components.shared.texts.spelling import FUNCTIONS
from components.shared.texts.vocabulary import (
    english_function_words,
    is_english,
    is_of_another_language,
    language_of,
)

# Measured on GSM8K with a vocabulary from the other half of it, and on the cases of the tests.
MOST_UNKNOWN = 0.3  # share of a sentence's words that are not known, and it is English all the same
ENOUGH_FUNCTION_WORDS = 0.2  # with so many words that only English has, many others may be unknown: names of things
MOST_UNKNOWN_AMONG_THEM = 0.6
# With so few of them, a sentence is not English if most of its words are unknown, or if it has words of another one.
FEW_FUNCTION_WORDS = 0.1
LEAST_CONFIDENCE = 0.09  # of lingua in English; of the tests' cases, the least English-looking one has 0.11
LEAST_CONFIDENCE_OF_SENTENCE = 0.01  # among English ones: one on croissants aux amandes has 0.10
FEWEST_WORDS, FEWEST_WORDS_OF_A_QUESTION = 3, 2  # of a sentence that is judged apart from the rest
# Words of one letter that are no variables, as in "Qual é o peso?" and "Compare 2/3 e 3/4."
_WORD_OF_ONE_LETTER = re.compile(r"(?<![\w'’])[éèàòùóíáâêô](?![\w'’])|(?<=\d )[ey](?= \d)")
TITLE_CASE = 4  # capitals for each word without: a title. Otherwise unknown words in capitals are names

_SCRIPTS = (
    "ARABIC ARMENIAN BENGALI CJK CYRILLIC DEVANAGARI ETHIOPIC GEORGIAN GREEK GUJARATI GURMUKHI HANGUL HEBREW HIRAGANA "
    "KANNADA KATAKANA KHMER LAO MALAYALAM MYANMAR SINHALA TAMIL TELUGU THAI TIBETAN"
)
SCRIPTS = frozenset(_SCRIPTS.split())
_LATIN_LETTERS_PER_CJK = 3  # a Chinese character says about as much as three letters
_LARGEST_FOREIGN_SHARE = 0.2
_LARGEST_FOREIGN_SHARE_OF_SENTENCE = 0.5
_FEWEST_FOREIGN_LETTERS = 4  # of a sentence

UNKNOWN = "unknown"  # a language without a name here


class Look(Enum):
    """What the first look at a sentence says."""

    ENGLISH = "english"
    OTHER = "other"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class _Sentence:
    """The words of a sentence in lower case, without names, and its first word if that may be a name."""

    text: str
    words: list[str]
    first: list[str]

    @property
    def is_question(self) -> bool:
        return self.text.rstrip(" \"'”’)*").endswith(("?", "？"))


def other_language(text: str) -> str:
    """Return the language or script of a text that is not English ("spanish", "cyrillic script"), "" for English.

    Formulas, picture code, labels and instructions on the form of the answer are ignored, and a text without words
    counts as English. A language that no list of words tells is "unknown".
    """
    text = without_text(bare(text))
    if script := _foreign_script(text, _LARGEST_FOREIGN_SHARE):
        return f"{script.lower()} script"
    texts = prose_sentences(text.lower() if text.isupper() else text)
    if not text.isascii():
        for sentence in texts:
            script = _foreign_script(sentence, _LARGEST_FOREIGN_SHARE_OF_SENTENCE, _FEWEST_FOREIGN_LETTERS)
            if script:
                return f"{script.lower()} script"
    sentences = [_read(sentence) for sentence in texts]
    whole = [word for each in sentences for word in _all_words(each, len(sentences))]
    return _language(whole, is_whole=True) or next(filter(None, map(_language_of_sentence, sentences)), "")


def _language(words: Sequence[str], *, is_whole: bool) -> str:
    """Return the language of a text's words, or of a sentence's among others, "" for English.

    Where the first look does not settle it, lingua decides; so it does for a sentence without a word of another
    language, because it may be English with rare words.
    """
    look = first_look(words)
    if look is Look.ENGLISH:
        return ""
    if look is Look.OTHER and (is_whole or any(map(is_of_another_language, words))):
        return language_of(words) or UNKNOWN
    from components.shared.texts.language_detector import likely_language

    language, confidence = likely_language(words)
    least = LEAST_CONFIDENCE if is_whole else LEAST_CONFIDENCE_OF_SENTENCE
    if language == "english" or (look is Look.UNSURE and confidence >= least):
        return ""
    return language


def _language_of_sentence(sentence: _Sentence) -> str:
    """Return the language of one sentence among others, "" for English; of few words only where it asks something."""
    words = sentence.words + (sentence.first if sentence.is_question else [])
    unknown = sum(not is_english(word) for word in words)
    if sentence.text.startswith("¿") and unknown:
        return language_of(words) or "spanish"
    few_tell = unknown == len(words) or (sentence.is_question and english_function_words().isdisjoint(words))
    fewest = FEWEST_WORDS_OF_A_QUESTION if few_tell else FEWEST_WORDS
    return _language(words, is_whole=False) if unknown >= fewest else ""


def first_look(words: Sequence[str]) -> Look:
    """Judge words in lower case by how many are English, and how many of them every English text has."""
    number = len(words)
    unknown = sum(not is_english(word) for word in words)
    function = sum(word in english_function_words() for word in words)
    if 2 * sum(map(is_of_another_language, words)) >= max(number, 1):
        return Look.OTHER
    if unknown <= MOST_UNKNOWN * number or (
        function >= ENOUGH_FUNCTION_WORDS * number and unknown <= MOST_UNKNOWN_AMONG_THEM * number
    ):
        return Look.ENGLISH
    if function > FEW_FUNCTION_WORDS * number:
        return Look.UNSURE
    is_other = unknown >= MOST_UNKNOWN_AMONG_THEM * number or any(map(is_of_another_language, words))
    return Look.OTHER if is_other else Look.UNSURE


def _read(text: str) -> _Sentence:
    words, names = [], []
    for place, word in enumerate(words_in(text)):
        if not (word.isascii() or (word.replace("’", "").isalpha() and not _is_greek_symbol(word))):
            continue  # x², αβγ
        if word in FUNCTIONS:
            continue  # sin x, in any language
        lower = word.lower()
        if word[0].isupper() and not is_english(lower):
            names.append((place, lower))
        else:
            words.append(lower)
    if len(names) >= TITLE_CASE * max(len(words), 1):
        words, names = [*words, *(name for _, name in names)], []
    words += _WORD_OF_ONE_LETTER.findall(text)
    return _Sentence(text, words, [name for place, name in names if place == 0])


def _all_words(sentence: _Sentence, number: int) -> list[str]:
    """Return the words that count beside those of other sentences; the first word of a command is no name."""
    may_be_command = number == 1 or not sentence.words or sentence.is_question
    counts = may_be_command and english_function_words().isdisjoint(sentence.words)
    return sentence.first + sentence.words if counts else sentence.words


def _foreign_script(text: str, largest_share: float, fewest_letters: int = 1) -> str:
    """Return the script, other than Latin, of a large part of the text; Greek letters alone are mathematics."""
    if text.isascii():
        return ""
    words = "".join(character if character.isalpha() else " " for character in text).split()
    scripts = Counter(_script(character) for word in words if not _is_greek_symbol(word) for character in word)
    latin = scripts.pop("LATIN", 0)
    foreign = {script: number for script, number in scripts.items() if script in SCRIPTS}
    weight = sum(number * (_LATIN_LETTERS_PER_CJK if script == "CJK" else 1) for script, number in foreign.items())
    if weight <= largest_share * (weight + latin) or weight < fewest_letters:
        return ""
    return max(sorted(foreign), key=lambda script: foreign[script])


@lru_cache(1 << 14)
def _script(character: str) -> str:
    return unicodedata.name(character, "").split(" ", 1)[0]


def _is_greek_symbol(word: str) -> bool:
    return len(word) <= 3 and not word.isascii() and all(_script(character) == "GREEK" for character in word)
