"""Which words are English, and which words tell other languages apart."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from pathlib import Path

import yaml

_FOLDER = Path(__file__).parent
# What is taken off a word, and what may have stood in its place. Not -er: it ends French infinitives (factoriser).
_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "ies": ("y",), "ied": ("y",), "s": ("",), "ing": ("", "e"), "ed": ("", "e"), "ly": ("", "le"), "est": ("", "e"),
    "ness": ("",), "less": ("",), "ful": ("",), "able": ("", "e"), "ize": ("", "e", "y"), "ist": ("", "y", "e"),
}  # fmt: skip
_BEGINNINGS = ("un", "non", "re", "pre", "sub", "over", "semi", "anti", "multi", "inter")
_SHORTEST_STEM, _SHORTEST_REST = 3, 4
_LONGEST_DOUBLED = 5  # letters of what may end in a doubled consonant: runn-ing, begg-ed; not the French developp-er
MAX_NAMED = 2
MAX_KNOWN = 1 << 16  # words that are remembered: a run has few others


@lru_cache(MAX_KNOWN)
def is_english(word: str) -> bool:
    """Tell whether a word in lower case is English, as it stands or with a usual beginning or ending."""
    word = word.replace("’", "'").partition("'")[0]  # don't, the baker's
    return word in _english_words() or any(stem in _english_words() for stem in _stems(word))


@cache
def english_function_words() -> frozenset[str]:
    """Return the words that every English text has and no other language."""
    return _function_words()["english"]


def is_of_another_language(word: str) -> bool:
    """Tell whether a word in lower case is on the list of another language, and not English."""
    return _without_accents(word) in _languages_by_word() and not is_english(word)


def language_of(words: Iterable[str]) -> str:
    """Return the language other than English that shares most words with a text, or two that do; "" if more do."""
    hits: Counter[str] = Counter()
    for word in map(_without_accents, words):
        for language in _languages_by_word().get(word, ()):
            hits[language] += 1
    if not hits:
        return ""
    most = max(hits.values())
    best = [language for language, number in hits.items() if number == most]
    return " or ".join(sorted(best)) if len(best) <= MAX_NAMED else ""


def _stems(word: str) -> Iterator[str]:
    for ending, instead in _ENDINGS.items():
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= _SHORTEST_STEM:
            yield from (stem + letters for letters in instead)
            if stem[-1] == stem[-2] and len(stem) <= _LONGEST_DOUBLED:
                yield stem[:-1]
    for beginning in _BEGINNINGS:
        rest = word.removeprefix(beginning)
        if rest != word and len(rest) >= _SHORTEST_REST:
            yield rest


@cache
def _english_words() -> frozenset[str]:
    lines = (_FOLDER / "english_words.txt").read_text(encoding="utf-8").splitlines()
    words = frozenset(word for line in lines if not line.startswith("#") for word in line.split())
    return words | english_function_words()


@cache
def _function_words() -> Mapping[str, frozenset[str]]:
    declared = yaml.safe_load((_FOLDER / "function_words.yaml").read_text(encoding="utf-8"))
    return {language: frozenset(words.split()) for language, words in declared.items()}


@cache
def _languages_by_word() -> Mapping[str, tuple[str, ...]]:
    languages: dict[str, tuple[str, ...]] = {}
    for language, words in _function_words().items():
        for word in words if language != "english" else ():
            languages[word] = (*languages.get(word, ()), language)
    return languages


@lru_cache(MAX_KNOWN)
def _without_accents(word: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", word) if not unicodedata.combining(letter))
