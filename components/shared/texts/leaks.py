"""The rules by which a row gives away a question of a benchmark, and the index that applies them.

The benchmark is indexed and the rows pass by, so memory depends on the benchmark alone. Both texts are in canonical
form first: LaTeX, plain text and Unicode are spelt alike. Near duplicates are compared by what they say
(``wording_of``).
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from components.shared.texts.canonical import canonical_key
from components.shared.texts.ngrams import NgramIndex
from components.shared.texts.vocabulary import english_function_words
from components.shared.texts.word_groups import SAME, stem_of
from components.shared.texts.wording import NAME, Wording, wording_of

# Words of a run: the paper's 13 (GPT-3's, and most reports' since), and fewer, which also find phrases by chance.
SIZES = {"ngram_13": 13, "ngram_8": 8}
NEAR_DUPLICATE = "near_duplicate"
RULES = (*SIZES, NEAR_DUPLICATE)

# Two questions with the same numbers are near duplicates if they share this much of all their words. The more numbers,
# the less two stories have them by chance: of 7,900 pairs of GSM8K's training questions with the same numbers, 12 share
# more.
_LEAST_SHARED = (0.7, 0.5, 0.33, 0.25, 0.2, 0.15)  # by the weight of the numbers; the last for all more
_LEAST_OF_A_FORMULA = 0.85  # where a question is formula more than words, one sign makes it another question
_LEAST_SHARED_WITH_ANOTHER = 0.45  # where one of them has a number more, and at least two are the same
_ANYWHERE = frozenset(("0", "1", "2"))  # numbers of "one of them", "twice", "the two": not told apart from other words
_RARE = 100  # from here on a number counts twice
_PARTS = {"third": "3", "quarter": "4", "fourth": "4", "fifth": "5", "sixth": "6", "eighth": "8", "tenth": "10"}
# What rewording exchanges beyond synonyms: words of one matter, which need not mean the same.
_MATTERS = """
divide divisor divisible division factor remainder modulo multiple
probability likely chance likelihood
multiply product * times
sum add plus total altogether
average mean
round circle circular
interior inside
solution solve root vanish satisfy
derivative differentiate
integral integrate area
perpendicular orthogonal
remove take away subtract
person people human somebody everybody anybody borrower
cost price expensive pay charge
year age old
far distance long length
sequence progression
arrange arrangement order permutation
way count
ticket seat
travel drive go run move
start begin leave
row line
fuel gasoline petrol
"""


@dataclass(frozen=True, slots=True)
class Content:
    """What a question says, in any order."""

    numbers: tuple[str, ...]  # sorted
    words: frozenset[str]  # stems
    formulas: frozenset[str]  # each two neighbours in them

    def shares(self, other: Content) -> float:
        """Return which share of all words and formulas of the two stand in both; 0 for two different formulas."""
        fewer = min(len(self.formulas), len(other.formulas))
        if fewer > len(self.words) and len(self.formulas & other.formulas) < _LEAST_OF_A_FORMULA * fewer:
            return 0.0
        one, all_others = self.words | self.formulas, other.words | other.formulas
        return len(one & all_others) / max(len(one | all_others), 1)


class Rules:
    """The questions of benchmarks that were added; they are numbered from 0 in the order in which they come."""

    def __init__(self, applied: Sequence[str] = RULES) -> None:
        """Apply some of RULES; the others cost no time and find nothing."""
        self._number = 0
        self._whole: defaultdict[bytes, list[int]] = defaultdict(list)
        self._runs = {rule: NgramIndex(size) for rule, size in SIZES.items() if rule in applied}
        self._finds_near = NEAR_DUPLICATE in applied
        self._contents: list[Content] = []
        self._same_words: defaultdict[bytes, list[int]] = defaultdict(list)
        self._same_numbers: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        self._one_less: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)

    def add(self, question: str) -> list[str]:
        """Add a question; return the rules by which it is found as a whole text only: it is shorter than their runs."""
        wording = wording_of(question)
        words = _words(wording)
        self._whole[_digest(question, wording)].append(self._number)
        for rule, index in self._runs.items():
            index.add(words if len(words) >= SIZES[rule] else ())  # a shorter text is found as a whole only
        if self._finds_near:
            self._same_words[_digest_of_words(wording)].append(self._number)
            self._add_content(content_of(wording))
        self._number += 1
        return [rule for rule in self._runs if len(words) < SIZES[rule]]

    def find(self, question: str) -> dict[int, list[str]]:
        """Return the questions of the benchmarks that a row gives away, and the rules that say so."""
        wording = wording_of(question)
        words = _words(wording)
        same = self._whole.get(_digest(question, wording), [])
        found: defaultdict[int, list[str]] = defaultdict(list)
        for rule, index in self._runs.items():
            places = index.find(words) if len(words) >= SIZES[rule] else []
            for number in sorted({*places, *same}):
                found[number].append(rule)
        if self._finds_near:
            alike = self._same_words.get(_digest_of_words(wording), [])
            for number in sorted({*self._near(content_of(wording)), *alike, *same}):
                found[number].append(NEAR_DUPLICATE)
        return found

    def _add_content(self, content: Content) -> None:
        self._contents.append(content)
        self._same_numbers[content.numbers].append(self._number)
        for numbers in set(_without_one(content.numbers)):
            self._one_less[numbers].append(self._number)

    def _near(self, content: Content) -> Iterator[int]:
        weight = sum(2 if float(number) >= _RARE else 1 for number in content.numbers if number not in _ANYWHERE)
        least = _LEAST_SHARED[min(weight, len(_LEAST_SHARED) - 1)]
        for number in self._same_numbers.get(content.numbers, ()):
            if content.shares(self._contents[number]) >= least:
                yield number
        with_another = {
            number for less in set(_without_one(content.numbers)) for number in self._same_numbers.get(less, ())
        }
        for number in with_another.union(self._one_less.get(content.numbers, ())):
            if content.shares(self._contents[number]) >= _LEAST_SHARED_WITH_ANOTHER:
                yield number


def _words(wording: Wording) -> list[str]:
    """Return words, numbers and variables as they are written: what runs are made of."""
    return ["to" if word == "->" else word for word in wording.tokens if word[:1].isalnum() or word == "->"]


def content_of(wording: Wording) -> Content:
    """Return what a question says."""
    meanings = [_PARTS.get(word.meaning, word.meaning) for word in wording.words if word.meaning != NAME]
    numbers = {meaning for meaning in meanings if meaning[:1].isdigit()}
    words = {_MATTER.get(meaning, meaning) for meaning in meanings if meaning.isalpha() and len(meaning) > 1}
    words -= _FUNCTION_WORDS
    pairs = {f"{one} {other}" for one, other in pairwise(meanings) if _is_formula(one) and _is_formula(other)}
    return Content(tuple(sorted(numbers - _ANYWHERE or numbers)), frozenset(words), frozenset(pairs))


def _is_formula(meaning: str) -> bool:
    return len(meaning) == 1 or not meaning[0].isalpha()


def _without_one(numbers: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the numbers without each of them, where at least two are left."""
    if len(numbers) > 2:
        yield from (numbers[:place] + numbers[place + 1 :] for place in range(len(numbers)))


def _digest(question: str, wording: Wording) -> bytes:
    return _hashed(canonical_key(question, wording.tokens))


def _digest_of_words(wording: Wording) -> bytes:
    """Return what two questions of the same meanings in the same order share, with whatever names."""
    return _hashed("\0".join([*(word.meaning for word in wording.words)] or ["\0", *wording.tokens]))


def _hashed(key: str) -> bytes:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _meaning_of(word: str) -> str:
    return SAME.get(stem_of(word), stem_of(word))


_MATTER = {_meaning_of(word): _meaning_of(line.split()[0]) for line in _MATTERS.split("\n") for word in line.split()}
_FUNCTION_WORDS = frozenset(map(_meaning_of, english_function_words())) | {
    "in", "on", "at", "to", "or", "so", "he", "find", "be", "do", "have", "can", "will", "number",
}  # fmt: skip
PLANTED = Path(__file__).with_name(
    "planted_leaks.jsonl"
)  # questions, each with a copy in another spelling and a rewording


def planted_leaks() -> list[Mapping[str, str]]:
    """Return each planted ``question`` with its ``copy`` and its ``rewording``."""
    lines = (json.loads(line) for line in PLANTED.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if "question" in line]


@cache
def recall_of_planted(rules: tuple[str, ...]) -> Mapping[str, float]:
    """Return which share of planted copies and rewordings these rules find, 0 to 1."""
    planted, index = planted_leaks(), Rules(rules)
    for line in planted:
        index.add(line["question"])
    return {
        kind: sum(number in index.find(line[kind]) for number, line in enumerate(planted)) / len(planted)
        for kind in ("copy", "rewording")
    }
