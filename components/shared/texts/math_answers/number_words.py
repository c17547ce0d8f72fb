"""Numbers that are written in words: "twenty-one", "three quarters", "6 hundred", "two and a half", "the third"."""

from __future__ import annotations

import re
from fractions import Fraction

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
UNITS = {word: value for value, word in enumerate(_SMALL.split())} | {
    word: 10 * value for value, word in enumerate(_TENS.split(), start=2)
}
SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
_IN_ORDER = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth"
)
ORDINALS = (
    {word: value for value, word in enumerate(_IN_ORDER.split(), start=1)}
    | {word.removesuffix("y") + "ieth": 10 * value for value, word in enumerate(_TENS.split(), start=2)}
    | {f"{word}th": value for word, value in SCALES.items() if word != "dozen"}
)
PARTS = {
    "half": 2,
    "halve": 2,
    "quarter": 4,
} | {word: value for word, value in ORDINALS.items() if value > 2}
_POWERS = {"squared": 2, "cubed": 3}
_WORD = re.compile(r"(?:\s|(?<=[a-z])-)*(?:(\d{1,30}(?:\.\d{1,30})?)|([a-z]+))(?![^\W_])", re.IGNORECASE)


def read_number(text: str) -> tuple[Fraction, str] | None:
    """Return the number at the start of a text, if words are part of it, and the rest of the text."""
    words, ends, position = [], [], 0
    while match := _WORD.match(text, position):
        position = match.end()
        words.append((match[1] or match[2]).lower())
        ends.append(position)
    signed = words[:1] in (["minus"], ["negative"])
    before = signed or (words[:1] == ["the"] and words[1:2] != [] and words[1] in ORDINALS)
    value, count = _read(words[before:])
    if value is None or not any(word.isalpha() for word in words[: count + before]):
        return None
    return (-value if signed else value), text[ends[count + before - 1] :].strip()


def is_number_in_words(text: str) -> bool:
    """Tell whether the whole text is one number, perhaps with one word for its unit."""
    found = read_number(text)
    return found is not None and not re.search(r"\d|\\|\band\b", found[1])


def _read(words: list[str]) -> tuple[Fraction | None, int]:
    """Return the value of the first words, None if they are not a number, and how many words it has."""
    if words[:1] in (["a"], ["an"]) and len(words) > 1 and (words[1] in SCALES or _part(words[1])):
        words = ["one", *words[1:]]
    if words[:1] == ["half"]:
        return Fraction(1, 2), 1
    total, current = Fraction(0), None
    for position, word in enumerate(words):
        value = _plain(word)
        if value is not None and _may_follow(current, value):
            current = (current or 0) + value
        elif word in SCALES and (current is not None or word != "dozen"):
            current = (1 if current is None else current) * Fraction(SCALES[word])
            if SCALES[word] >= 1000:
                total, current = total + current, Fraction(0)
        elif current is None:
            return (None, 0) if position or word not in ORDINALS else (Fraction(ORDINALS[word]), 1)
        elif words[position - 1].isalpha() and _ends_in_order(current, word, is_last=position == len(words) - 1):
            return total + current + ORDINALS[word], position + 1
        elif part := _part(word):
            if words[position - 1] == "hundred" and part >= 1000:
                return None, 0  # 500/1000 or 5/100,000
            return total + current / part, position + 1
        elif word in _POWERS:
            return (total + current) ** _POWERS[word], position + 1
        elif word == "and":
            return _with_rest(total + current, words, position)
        else:
            return total + current, position
    return (None if current is None else total + current), len(words)


def _with_rest(value: Fraction, words: list[str], position: int) -> tuple[Fraction, int]:
    """Return the value with what follows its "and": "hundred and five", "two and a half"."""
    rest, count = _read(words[position + 1 :])
    if rest is not None and (0 < rest < 1 or (value >= 100 and value % 100 == 0 and rest < 100)):
        return value + rest, position + 1 + count
    return value, position


def _plain(word: str) -> Fraction | None:
    if word in UNITS:
        return Fraction(UNITS[word])
    return Fraction(word) if word[0].isdigit() else None


def _may_follow(current: Fraction | None, value: Fraction) -> bool:
    """Tell whether a number continues another: "twenty one", "hundred five", not "five five"."""
    if not current:
        return current is None or value < 1000
    return (value < 10 and current % 10 == 0 and current % 100 > 0) or (current % 100 == 0 and value < 100)


def _ends_in_order(current: Fraction, word: str, *, is_last: bool) -> bool:
    """Tell whether a word makes an ordinal of the number before it; "thirty second" may begin "thirty seconds"."""
    return word in ORDINALS and _may_follow(current, Fraction(ORDINALS[word])) and (word != "second" or is_last)


def _part(word: str) -> int | None:
    return PARTS.get(word) or PARTS.get(word.removesuffix("s"))
