"""Texts that no one can answer in any language: repetitions, symbols without words, code without a sentence.

Pictures and layout are no text, and formulas repeat what they like: these are looked for in prose alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise

from components.filter_language.leftovers import leftover_in
from components.shared.texts.prose import prose_words, without_formulas
from components.shared.texts.spelling import FUNCTIONS
from components.shared.texts.vocabulary import english_function_words

LONGEST_PERIOD = 12  # words of a phrase whose repetition is looked for
LEAST_REPEATED_WORDS = 8  # "heads, heads, heads" is a question's right
LEAST_REPEATS = 3
MOST_LISTED_WORDS = 30  # of a list of outcomes: "red, red, blue, red, …"
LONG_TEXT = 60  # words from which a text without much variety counts as repetition
LEAST_DISTINCT_TRIGRAMS = 0.4
LONGEST_WORD = 40
LEAST_SHARE_OF_LETTERS = 0.4  # letters and digits among what is not white space; GSM8K's questions stay above 0.75
WORDS_OF_A_SENTENCE = 4
WORDS_OF_A_COMMAND = 2  # "Find x and y."; it begins with a capital
# Words of sentences that tell no language, because English shares them with others.
_SHARED_FUNCTION_WORDS = frozenset(("is", "in", "to", "a", "an", "at", "or", "as", "was", "on", "we", "he"))
_FORMULA_WORDS = FUNCTIONS | {"sqrt"}

_WORD_OR_NUMBER = re.compile(r"[^\W_]+")
# Not brackets, which close formulas, nor signs beyond ASCII, of which grids are drawn.
_SAME_CHARACTER = re.compile(r"([!\"$%&',/;<>?@\\^`])\1{14,}|([^\W\d_])\2{14,}")
_RULE = re.compile(r"([-.=*_~#+|:…·])\1{2,}|(?<=\|)[ :-]*-[ :-]*(?=\|)|[|+]")  # lines, blanks, the frames of tables
_LATEX = re.compile(r"\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]|\\[a-zA-Z]+", re.S)
_CODE_LINE = re.compile(
    r"^\s*(?:(?:def|class|import|from|return|elif|else|for|while|if|try|except|print|function|var|let|const|public|"
    r"private|static|void|int|#include|using|package|echo)\b.*[:;(){}=]|(?:import|from) \w+|[{}\[\]()]+[,;]?|.*[;{}]|"
    r"\w[\w.\[\]]* [-+*/]?= .*|//.*|<[^>]+>.*)\s*$"
)
_BLANK, _NO_LETTER = re.compile(r"[\s_]+"), re.compile(r"\W+")
_SENTENCE_END = re.compile(r"[.?!:](?:\s|$)")


def garbage_in(text: str) -> str:
    """Return what makes a text garbage, in a few words; "" where nothing does. Pictures have to be taken out before."""
    if leftover := leftover_in(text):
        return leftover
    text = _RULE.sub(" ", text)
    if run := _SAME_CHARACTER.search(text):
        return f"the character {run[0][0]!r} {len(run[0])} times"
    words = prose_words(text)
    longest = max(words, key=len, default="")
    if len(longest) > LONGEST_WORD and longest.isascii():
        return f"a word of {len(longest)} letters"
    return _repetition(text) or _symbols(text) or _code(text)


def _repetition(text: str) -> str:
    """Look for a phrase said over and over in prose; rows of numbers are mathematics, lists in a sentence data."""
    prose = without_formulas(text).lower()
    found = list(_WORD_OR_NUMBER.finditer(prose))
    words, is_listed = [word[0] for word in found], [prose.startswith(",", word.end()) for word in found]
    num_repeated = len(words) - len(set(pairwise(words)))
    longest = min(LONGEST_PERIOD, len(words) // LEAST_REPEATS) if num_repeated >= LEAST_REPEATED_WORDS // 2 else 0
    for period in range(1, longest + 1):
        for start, end in _runs(words, period):
            phrase = words[start : start + period]
            if any(_is_word(word) for word in phrase) and not _is_list(phrase, is_listed[start : end - 1], len(words)):
                return f"repeated words ({period} in turn)"
    words = [word for word in words if word.isalpha()]
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    if len(words) >= LONG_TEXT and len(set(trigrams)) < LEAST_DISTINCT_TRIGRAMS * len(trigrams):
        return "repeated phrases"
    return ""


def _runs(words: Sequence[str], period: int) -> Iterator[tuple[int, int]]:
    """Yield where the same words begin and end that come again and again, each ``period`` words behind the last."""
    needed, start = max(LEAST_REPEATS * period, LEAST_REPEATED_WORDS), 0
    for index in range(period, len(words) + 1):
        if index == len(words) or words[index] != words[index - period]:
            if index - start >= needed:
                yield start, index
            start = index - period + 1


def _is_word(token: str) -> bool:
    return len(token) > 1 and token.isalpha() and token not in _FORMULA_WORDS


def _is_list(phrase: Iterable[str], have_commas: Sequence[bool], num_words: int) -> bool:
    """Tell whether words are outcomes that a sentence lists, with some around.

    There are commas between them, or none of them is a word that makes a sentence.
    """
    length = len(have_commas) + 1
    if num_words - length < WORDS_OF_A_SENTENCE or length > MOST_LISTED_WORDS:
        return False
    return all(have_commas) or not any(word in _words_of_sentences() for word in phrase)


@cache
def _words_of_sentences() -> frozenset[str]:
    return english_function_words() | _SHARED_FUNCTION_WORDS


def _symbols(text: str) -> str:
    visible = _BLANK.sub("", _LATEX.sub(" ", text))
    letters = len(_NO_LETTER.sub("", visible))
    return "mostly symbols" if letters < LEAST_SHARE_OF_LETTERS * len(visible) else ""


def _code(text: str) -> str:
    lines = [line for line in without_formulas(text).splitlines() if line.strip()]
    prose = [line for line in lines if not _CODE_LINE.match(line)]
    if len(lines) < 2 or 2 * len(prose) >= len(lines) or any(_is_sentence(line) for line in prose):
        return ""
    return "code without a sentence"


def _is_sentence(line: str) -> bool:
    fewest = WORDS_OF_A_COMMAND if line.lstrip()[:1].isupper() else WORDS_OF_A_SENTENCE
    return len(prose_words(line)) >= fewest and _SENTENCE_END.search(line) is not None
