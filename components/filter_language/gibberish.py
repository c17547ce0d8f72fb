"""Texts that no one can answer in any language: repetitions, symbols without words, code without a sentence."""

from __future__ import annotations

import re

from components.shared.texts.prose import prose_words

LONGEST_PERIOD = 12  # words of a phrase whose repetition is looked for
LEAST_REPEATED_WORDS = 8  # "heads, heads, heads" is a question's right
LEAST_REPEATS = 3
LONG_TEXT = 60  # words from which a text without much variety counts as repetition
LEAST_DISTINCT_TRIGRAMS = 0.4
LONGEST_WORD = 40
LEAST_SHARE_OF_LETTERS = 0.4  # letters and digits among what is not white space; GSM8K's questions stay above 0.75
WORDS_OF_A_SENTENCE = 4

_WORD_OR_NUMBER = re.compile(r"[^\W_]+")
_SAME_CHARACTER = re.compile(r"([^\s_.\-])\1{14,}")
_LATEX = re.compile(r"\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]|\\[a-zA-Z]+", re.S)
_CODE_LINE = re.compile(
    r"^\s*(?:(?:def|class|import|from|return|elif|else|for|while|if|try|except|print|function|var|let|const|public|"
    r"private|static|void|int|#include|using|package|echo)\b.*[:;(){}=]|(?:import|from) \w+|[{}\[\]()]+[,;]?|.*[;{}]|"
    r"\w[\w.\[\]]* [-+*/]?= .*|//.*|<[^>]+>.*)\s*$"
)
_SENTENCE_END = re.compile(r"[.?!:](?:\s|$)")


def garbage_in(text: str) -> str:
    """Return what makes a text garbage, in a few words; "" where nothing does."""
    if run := _SAME_CHARACTER.search(text):
        return f"the character {run[1]!r} {len(run[0])} times"
    longest = max(prose_words(text), key=len, default="")
    if len(longest) > LONGEST_WORD and longest.isascii():
        return f"a word of {len(longest)} letters"
    return _repetition(_WORD_OR_NUMBER.findall(text.lower())) or _symbols(text) or _code(text)


def _repetition(words: list[str]) -> str:
    """Look for a phrase said over and over; rows of numbers are mathematics."""
    for period in range(1, min(LONGEST_PERIOD, len(words) // LEAST_REPEATS) + 1):
        needed = max(LEAST_REPEATS * period, LEAST_REPEATED_WORDS)
        run = period
        for index in range(period, len(words)):
            run = run + 1 if words[index] == words[index - period] else period
            if run >= needed and any(len(word) > 1 and word.isalpha() for word in words[index - period : index]):
                return f"repeated words ({period} in turn)"
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    if len(words) >= LONG_TEXT and len(set(trigrams)) < LEAST_DISTINCT_TRIGRAMS * len(trigrams):
        return "repeated phrases"
    return ""


def _symbols(text: str) -> str:
    visible = [character for character in _LATEX.sub(" ", text) if not character.isspace() and character != "_"]
    letters = sum(character.isalnum() for character in visible)
    return "mostly symbols" if letters < LEAST_SHARE_OF_LETTERS * len(visible) else ""


def _code(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    prose = [line for line in lines if not _CODE_LINE.match(line)]
    if len(lines) < 2 or 2 * len(prose) >= len(lines) or any(_is_sentence(line) for line in prose):
        return ""
    return "code without a sentence"


def _is_sentence(line: str) -> bool:
    return len(prose_words(line)) >= WORDS_OF_A_SENTENCE and _SENTENCE_END.search(line) is not None
