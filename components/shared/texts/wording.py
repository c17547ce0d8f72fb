"""What a question says, without what says nothing: synonyms are one word, names and pronouns stand for anyone.

``Ella buys 12 stamps for $5.`` and ``Mr. Dunn purchased twelve stamps for 5 dollars.`` are the same words with other
names. Numbers, signs and variables are what the canonical form writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from components.shared.texts.canonical import canonical_sentences, tokens_in
from components.shared.texts.math_answers.units import UNITS
from components.shared.texts.operations import with_signs
from components.shared.texts.word_groups import GENDERED, IDLE, KNOWN, SAME, TITLES, stem_of

NAME = "@"  # what any name means
_PHRASES = {
    "find": "what is|what are|what was|what were|work out|figure out",
    "how many": "what number of|what is the number of|find the number of|determine the number of|compute the number of"
    "|calculate the number of",
    "ways to": "ways are there to",
    "maximum": "maximum value|maximum possible value|greatest value|greatest possible value|largest value"
    "|largest possible value",
    "minimum": "minimum value|minimum possible value|least value|least possible value|smallest value"
    "|smallest possible value",
    "how much": "what amount of|what is the amount of",
    "total": "in total|in all|all together|put together",
    "remain": "left over|left behind|are left|is left|were left|was left",
    "give": "give away|gives away|gave away",
    "a day": "each day|every day|per day|daily",
    "a week": "each week|every week|per week|weekly",
    "a month": "each month|every month|per month|monthly",
    "mph": "miles per hour|mile per hour|miles / hour",
    "kph": "kilometers per hour|kilometres per hour|km per hour|km / h",
    "=": "equals|is equal to|equal to",
    "also": "as well",
    "gcd": "greatest common divisor|greatest common factor|highest common factor|gcf|hcf",
    "lcm": "least common multiple|lowest common multiple|smallest common multiple",
    "have": "has got|have got",
    "": "the value of|the numerical value of|the exact value of",
    "sqrt": "the square root of|square root of",
    "with": "such that",
    "are": "are there",
    "is": "is there",
    "int": "the integral int|the definite integral int|integral int",
    "lim": "the limit lim|limit lim",
    "find derivative of": "differentiate",
    "find integral of": "integrate",
}
_MEASURES = "radius diameter circumference side sides length width height base edge edges area perimeter volume"
_PHRASES |= {f"of {of}": f"with {of}|having {of}|with a {of} of|with an {of} of" for of in _MEASURES.split()}
_PHRASES |= {of: f"a {of} of|an {of} of" for of in _MEASURES.split()}  # "has a length of 5 cm" is "has length 5 cm"
_MEANINGS = {
    tuple(phrase.split()): tuple(meaning.split())
    for meaning, phrases in _PHRASES.items()
    for phrase in phrases.split("|")
}
_SIZES = {  # of the phrases that begin with a word, the longest first
    first: sorted({len(phrase) for phrase in _MEANINGS if phrase[0] == first}, reverse=True) for first, *_ in _MEANINGS
}
_NUMBERS = {
    **dict.fromkeys(("once",), ("1",)),
    **dict.fromkeys(("twice", "double", "doubles", "doubled"), ("2",)),
    **dict.fromkeys(("thrice", "triple", "triples", "tripled"), ("3",)),
    **dict.fromkeys(("half", "halves"), ("1", "/", "2")),
    **dict.fromkeys(("dozen", "dozens"), ("12",)),
}
_NEGATED = {"can't": ("can", "not"), "won't": ("will", "not"), "cannot": ("can", "not")}
_SHORTENED = {"'ll": "will", "'re": "are", "'ve": "have", "'d": "would", "'m": "am", "'s": ""}
_BEFORE_IS = frozenset(("what", "who", "where", "when", "how", "it", "he", "she", "that", "there"))  # + 's: is
_MONEY = frozenset(("dollar", "dollars", "buck", "bucks", "usd"))
_SIGNS = frozenset("+*^_=<>|") | {"<=", ">=", "!="}
_BESIDE_VARIABLES = _SIGNS | {"/", "-", "(", ")"}
_ANNOUNCING = frozenset(("if", "let", "given", "suppose", "assume"))
_BEFORE_FORMULAS = frozenset(("equation", "expression", "inequality", "point", "points"))
_SOLVE_FOR = 3  # words
_ASKING = frozenset(("how", "what", "find", "compute", "calculate", "determine", "evaluate"))
_OPENS_A_CLAUSE = frozenset(("he", "she", "they", "it", "there", "together"))
_SHORTEST_QUESTION = 2  # words
_BEFORE_WHETHER = frozenset(("and", "only", "even", "as", "determine", "decide", "see", "check", "know", "tell"))
_BEHIND_IF = frozenset(("", "and", "any", "not", "so"))
_LETTERS = frozenset(("letter", "letters", "word", "spell", "spelled", "anagram", "anagrams", "alphabet"))
_CAPITALISED = re.compile(r"(?<![\w'\\])[^\W\d_a-z][^\W\d_A-Z]+(?:[A-Z][^\W\d_A-Z]+)?(?![^\W\d_])")
_TITLED = re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Dr)\.?\s+([^\W\d_a-z][^\W\d_]+)")
_SMALL = re.compile(r"(?<![\w'\\])[^\W\d_A-Z][^\W\d_]*")
_SHORTEST_UNIT = 4  # letters of a unit that is one without a number before it: "hour", not "m" or "in"


@dataclass(frozen=True, slots=True)
class Word:
    """One word: what it means, and the token that was written."""

    meaning: str  # a number, a sign, a variable, a stem, NAME
    token: str

    @property
    def is_datum(self) -> bool:
        """Whether it is a number, a sign or a variable: what two versions of a question have in common."""
        return self.meaning != NAME and (len(self.meaning) == 1 or not self.meaning[0].isalpha())


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a question."""

    tokens: tuple[str, ...]  # its canonical form
    sentences: tuple[tuple[Word, ...], ...]
    is_story: bool  # numbers are all of its mathematics: no formula, no variable
    letters_count: bool  # words are what it is about: in how many ways can the letters of BANANA be arranged

    @property
    def words(self) -> list[Word]:
        """The words of all sentences."""
        return [word for sentence in self.sentences for word in sentence]


def wording_of(question: str) -> Wording:
    """Read a question."""
    written = canonical_sentences(question)
    tokens = [tokens_in(sentence) for sentence in written]
    every = tuple(token for sentence in tokens for token in sentence)
    letters_count = not _LETTERS.isdisjoint(every)
    has_formula = any(token in _SIGNS or _is_variable(token) for token in every)
    names = frozenset() if letters_count else _names_in(written, at_start=not has_formula)
    sentences = (tuple(_words_of(part, names)) for sentence in tokens for part in _conditions_first(sentence))
    return Wording(every, tuple(filter(None, sentences)), not has_formula, letters_count)


def _conditions_first(words: list[str]) -> list[list[str]]:
    """Return a question with its condition as a sentence in front: "2x = 6. What is x" for "What is x if 2x = 6?"."""
    if words.count("if") != 1 or words[0] not in _ASKING:
        return [words]
    place = words.index("if")
    behind = words[place + 1] if place + 1 < len(words) else ""
    if place < _SHORTEST_QUESTION or words[place - 1] in _BEFORE_WHETHER or behind in _BEHIND_IF:
        return [words]
    return [words[place + 1 :], words[:place]]


def _is_variable(word: str) -> bool:
    return len(word) == 1 and word.isalpha() and word not in "ai"


def _names_in(sentences: Sequence[str], *, at_start: bool) -> frozenset[str]:
    """Return the capitalised words that are never written small and are no words that are known.

    The first word of a sentence may be one where stories are told; of a formula it is rather "Trapezoid".
    """
    small = {word.casefold() for sentence in sentences for word in _SMALL.findall(sentence)}
    capitalised = {
        match[0].casefold()
        for sentence in sentences
        for match in _CAPITALISED.finditer(sentence)
        if at_start or match.start()
    }
    titled = {name.casefold() for sentence in sentences for name in _TITLED.findall(sentence)}
    return frozenset(word for word in capitalised - small if stem_of(word) not in KNOWN) | titled


def _words_of(words: Sequence[str], names: frozenset[str]) -> Iterator[Word]:
    spoken = ["", *_in_one_order(list(_with_phrases(list(_split(words))))), ""]
    for place, (before, word) in enumerate(pairwise(spoken[:-1]), start=1):
        if word in ("a", "i") and not {before, spoken[place + 1]} & _BESIDE_VARIABLES:
            continue
        if (word in IDLE and len(word) > 1) or (word in _MONEY and before[-1:].isdigit()):
            continue
        if word == "and" and spoken[place + 1] in _OPENS_A_CLAUSE:  # as if it were a sentence of its own
            continue
        yield from (Word(meaning, word) for meaning in _meanings(word, before, names))


def _in_one_order(words: list[str]) -> list[str]:
    """Return a sentence without what announces a condition or a formula, and "solve for x: …" as "solve … for x"."""
    if words[:1] and words[0] in _ANNOUNCING:
        words = words[2:] if words[1:2] == ["that"] else words[1:]
    words = with_signs(words)
    if words[:2] == ["solve", "for"] and len(words) > _SOLVE_FOR and _is_variable(words[2]):
        words = ["solve", *words[3:], "for", words[2]]
    if words[:1] == ["solve"] and words[-2:-1] == ["for"] and {*filter(_is_variable, words[1:-2])} == {words[-1]}:
        words = words[:-2]  # there is nothing else to solve for
    pairs = zip(words, [*words[1:], ""], strict=False)
    return [word for word, behind in pairs if word not in _BEFORE_FORMULAS or not _begins(behind, word)]


def _begins(word: str, announced: str) -> bool:
    """Tell whether a word begins the formula, or the point, that a noun before it announces."""
    if announced in ("point", "points"):
        return word == "("
    return word[:1].isdigit() or _is_variable(word) or word in _SIGNS


def _split(words: Sequence[str]) -> Iterator[str]:
    """Yield the words without possessive endings; a negation, and what is shortened, is a word of its own."""
    for written in words:
        word, quote, ending = written.rpartition("'")
        if written.endswith("n't") or written in _NEGATED:
            yield from _NEGATED.get(written, (written.removesuffix("n't"), "not"))
        elif quote and quote + ending in _SHORTENED:
            is_verb = ending == "s" and word in _BEFORE_IS
            yield from filter(None, (word, "is" if is_verb else _SHORTENED[quote + ending]))
        else:
            yield "to" if written == "->" else written


def _with_phrases(words: Sequence[str]) -> Iterator[str]:
    position = 0
    while position < len(words):
        length = 1
        meaning: tuple[str, ...] = (words[position],)
        for size in _SIZES.get(words[position], ()):
            if (found := _MEANINGS.get(tuple(words[position : position + size]))) is not None:
                length, meaning = size, found
                break
        yield from meaning
        position += length


def _meanings(word: str, before: str, names: frozenset[str]) -> tuple[str, ...]:
    if word in names:
        return (NAME,)
    if word in GENDERED:
        return ("he",)
    if word in TITLES:
        return ("mr",)
    if word in _NUMBERS:
        return _NUMBERS[word]
    unit = UNITS.get(word) or UNITS.get(word.removesuffix("s"))
    if unit and word != "in" and (len(word) >= _SHORTEST_UNIT or before[-1:].isdigit()):
        return ("unit lb" if unit == "pound" else f"unit {unit}",)  # of weight or of money: the story says which
    stem = stem_of(word)
    return (SAME.get(stem, stem),)
