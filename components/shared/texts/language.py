"""Which language a question is in, with lingua, whose models come with the package."""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cache

from lingua import Language, LanguageDetector, LanguageDetectorBuilder

from components.shared.texts.prose import prose_words

# Not all 75 languages of lingua: with all of them, "If $x^2=4$, find π·x" is taken for Azerbaijani.
LATIN_LANGUAGES = (
    *(Language.ENGLISH, Language.SPANISH, Language.PORTUGUESE, Language.FRENCH, Language.ITALIAN, Language.ROMANIAN),
    *(Language.GERMAN, Language.DUTCH, Language.SWEDISH, Language.DANISH, Language.BOKMAL, Language.FINNISH),
    *(Language.POLISH, Language.CZECH, Language.HUNGARIAN, Language.TURKISH, Language.INDONESIAN, Language.MALAY),
    *(Language.VIETNAMESE, Language.TAGALOG, Language.SWAHILI),
)
# Below these, English is out. Of the tests' cases the least English-looking English one reaches 0.11 (0.05 with one or
# two words), the most English-looking other one 0.07; all but one of GSM8K's 7,473 questions stay above it.
LEAST_CONFIDENCE = 0.09
LEAST_CONFIDENCE_SHORT = 0.03  # for one or two words: "Sum: 1 + 2 = ?" is at 0.05
SHORT = 2
# Words that only English has. If a text has many of them, the detector is mistaken: it is sure that "The cost of
# transporting 80 bags of cement, each weighing 50 kgs, is $6000. …" is Tagalog.
_ENGLISH_WORDS = (
    "and are by does each from has have her how if it many much she than that the their there they this times to was "
    "were what when where which who with would"
)
ENGLISH_WORDS = frozenset(_ENGLISH_WORDS.split())
ENOUGH_ENGLISH_WORDS = 0.25  # share of a text's words

_SCRIPTS = (
    "ARABIC ARMENIAN BENGALI CJK CYRILLIC DEVANAGARI ETHIOPIC GEORGIAN GREEK GUJARATI GURMUKHI HANGUL HEBREW HIRAGANA "
    "KANNADA KATAKANA KHMER LAO MALAYALAM MYANMAR SINHALA TAMIL TELUGU THAI TIBETAN"
)
SCRIPTS = frozenset(_SCRIPTS.split())
_LATIN_LETTERS_PER_CJK = 3  # a Chinese character says about as much as three letters
_LARGEST_FOREIGN_SHARE = 0.2


def other_language(text: str) -> str:
    """Return the language or script of a text that is not English ("spanish", "cyrillic script"), "" for English.

    Formulas are ignored, and a text without words counts as English.
    """
    script = _foreign_script(text)
    if script:
        return f"{script.lower()} script"
    words = [word.lower() for word in prose_words(text)]
    if not words:
        return ""
    confidences = _detector().compute_language_confidence_values(" ".join(words))
    english = next(value.value for value in confidences if value.language == Language.ENGLISH)
    least = LEAST_CONFIDENCE_SHORT if len(words) <= SHORT else LEAST_CONFIDENCE
    if english >= least or sum(word in ENGLISH_WORDS for word in words) >= ENOUGH_ENGLISH_WORDS * len(words):
        return ""
    return str(confidences[0].language.name).lower()


def _foreign_script(text: str) -> str:
    """Return the script, other than Latin, of a large part of the text; Greek letters alone are mathematics."""
    if text.isascii():
        return ""
    words = "".join(character if character.isalpha() else " " for character in text).split()
    scripts = Counter(_script(character) for word in words if not _is_greek_symbol(word) for character in word)
    latin = scripts.pop("LATIN", 0)
    foreign = {script: number for script, number in scripts.items() if script in SCRIPTS}
    weight = sum(number * (_LATIN_LETTERS_PER_CJK if script == "CJK" else 1) for script, number in foreign.items())
    if weight <= _LARGEST_FOREIGN_SHARE * (weight + latin):
        return ""
    return max(sorted(foreign), key=lambda script: foreign[script])


def _script(character: str) -> str:
    return unicodedata.name(character, "").split(" ", 1)[0]


def _is_greek_symbol(word: str) -> bool:
    return len(word) <= 3 and all(_script(character) == "GREEK" for character in word)


@cache
def _detector() -> LanguageDetector:
    return LanguageDetectorBuilder.from_languages(*LATIN_LANGUAGES).build()
