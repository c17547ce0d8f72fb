"""Which language words are in, with lingua, whose models come with the package; they take 0.6 GB of memory."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from lingua import Language, LanguageDetector, LanguageDetectorBuilder

# Not all 75 languages of lingua: with all of them, "If $x^2=4$, find π·x" is taken for Azerbaijani.
LATIN_LANGUAGES = (
    *(Language.ENGLISH, Language.SPANISH, Language.PORTUGUESE, Language.FRENCH, Language.ITALIAN, Language.ROMANIAN),
    *(Language.GERMAN, Language.DUTCH, Language.SWEDISH, Language.DANISH, Language.BOKMAL, Language.FINNISH),
    *(Language.POLISH, Language.CZECH, Language.HUNGARIAN, Language.TURKISH, Language.INDONESIAN, Language.MALAY),
    *(Language.VIETNAMESE, Language.TAGALOG, Language.SWAHILI),
)


def likely_language(words: Sequence[str]) -> tuple[str, float]:
    """Return the likeliest language of words in lower case, and how likely English is, from 0 to 1."""
    confidences = _detector().compute_language_confidence_values(" ".join(words))
    english = next(value.value for value in confidences if value.language == Language.ENGLISH)
    return str(confidences[0].language.name).lower(), english


@cache
def _detector() -> LanguageDetector:
    return LanguageDetectorBuilder.from_languages(*LATIN_LANGUAGES).build()
