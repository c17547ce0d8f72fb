r"""Answers in words: no value, a choice's letter, a time of day, a ratio, a base, the name of a figure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from components.shared.texts.latex import INSIDE, without_text
from components.shared.texts.math_answers.number_words import UNITS
from components.shared.texts.math_answers.numbers import Number, number_of
from components.shared.texts.math_answers.structure import brackets_of, split_at, split_list
from components.shared.texts.prose import WORD

_NO_VALUE = re.compile(
    r"(?:(?:it|this|that|there|the|a|limit|solutions?|value|expression|function|slope|equation|has"
    r"|have|is|are|set|answer|system|integral|inverse|derivative)\s+)*"
    r"(?:dne|d\.n\.e|does not exist|do not exist|doesn't exist|don't exist|not exist|non-?existent|undefined"
    r"|not defined|no (?:(?:real|such|possible|integer|valid|positive|rational|complex|common|finite|unique) )*"
    r"(?:solutions?|roots?|values?|numbers?|integers?|points?|limit|answers?|zeros|intersections?|inverse|slope|triangles?)"
    r"(?: (?:exists?|satisf\w+.*|in .*|for .*))?|(?:the )?(?:empty|null) set|impossible|inconsistent|none|nothing"
    r"|n/a|not applicable)"
    r"|\\emptyset|\\phi|\\\{\s*\\\}|\{\s*\}",
    re.IGNORECASE,
)
_VALUE_OF = re.compile(r"[a-zA-Z]\s*=\s*")  # without_member takes "x in" off
_CHOICE = re.compile(
    r"(?:(?:option|choice|answer)\s+)?(?:\(\s*([A-Za-z])\s*\)[.:]?|((?-i:[A-Z])|[a-e](?=\s*\)))\s*(?:\)|:(?!\d)|\.(?=\s|$)))\s*(?P<rest>(?!\s*(?:,|;|and\b|or\b)).*)",
    re.DOTALL,
)
_LETTER = re.compile(r"(?:(?:option|choice|answer)\s+)?\(?([A-Z]|(?<=\()[a-z](?=\)))\)?[.:]?", re.IGNORECASE)
_RUN_OF_LETTERS = re.compile(r"(?=[A-Z]{2,8}\Z)A?B?C?D?E?F?G?H?")
_CLOCK = re.compile(
    r"(\d{1,2})(?:\s?:\s?(\d{2}))?\s*(o'?clock)?\s*(?:in the\s+)?(a|p|morning|afternoon|evening|noon|midnight)?", re.I
)
_HALF_OF_DAY = re.compile(r"(?<![a-z])([ap])\s?\.?\s?m(?![a-z])\.?", re.IGNORECASE)
_SHARE = re.compile(r"(\d+) (?:out of|in) (\d+)")
_ROMAN = ("", "I", "II", "III", "IV")
_QUADRANT = re.compile(r"[Qq]uadrant (I{1,3}|IV)")
_RATIO = re.compile(r"\s*(?::|(?<![a-z])to(?![a-z]))\s*")
_BASE = re.compile(
    r"\(?(?:\\text\s*\{)?\s*([0-9A-Z]+(?:\.[0-9A-Z]+)?)\s*\}?\)?\s*"
    r"(?:_\{\s*(?:\\text\s*\{)?\s*(?:base\s*)?(\w+)\s*\}?\s*\}|\(?\s*(?:in )?base[ -](\w+)\)?)"
)
_PREFIXED = re.compile(r"0([xXbBoO])([0-9a-fA-F]+)")
_PREFIXES = {"x": 16, "o": 8, "b": 2}  # of programs
LARGEST_BASE = 36  # digits and letters
_FIGURE = re.compile(
    r"(?:\\(?:triangle|angle|overline|overleftrightarrow|overrightarrow|square|odot|bigtriangleup)\s*|triangle\s+|segment\s+"
    r"|line\s+|angle\s+|quadrilateral\s+)?\{?\s*((?:[A-Z]'*(?:_\{\w+\})?\s*){2,})\}?"
)
_COLUMN = re.compile(rf"\\binom\s*\{{({INSIDE})\}}\s*\{{({INSIDE})\}}")
_HAT = re.compile(r"\\(?:hat|vec|mathbf|widehat)\s*\{?\s*([ijk])\s*\}?")
_COORDINATE = re.compile(
    r"\s*([-+]?)\s*([^ijk+\-a-hl-z]*|\\frac\{[^{}]*\}\{[^{}]*\}|\\sqrt\{[^{}]*\})\s*([ijk])(?![a-z])"
)
_EMPTY_WORDS = frozenset(
    ("the", "a", "an", "is", "are", "it", "at", "its", "of", "in", "on", "so", "be", "to", "solution", "solutions")
)
_ONE_FORM = {
    **{"minimum": "min", "maximum": "max", "minima": "min", "maxima": "max"},
    **{"divergent": "diverge", "convergent": "converge"},
}
# Of a value: H_0, center; a single letter may be that of a ratio.
_POINT = re.compile(r"([A-Z]'*(?:_\{\w+\})?)\s*(\(.*\))")
_LABEL = re.compile(r"[A-Za-z]_\{\w+\}|(?:\\text\s*\{)?\s*[A-Za-z]{3,}[A-Za-z -]*\}?")


def flat(text: str) -> str:
    r"""Return the text without ``\text{…}`` around its words."""
    return " ".join(without_text(text).split()).strip(" ~")


def says_no_value(text: str) -> bool:
    """Tell whether an answer says that there is none: undefined, no solution, the empty set."""
    plain = flat(text).strip(" .")
    named = _VALUE_OF.match(plain)
    return _NO_VALUE.fullmatch(plain, named.end() if named else 0) is not None


@dataclass(frozen=True, slots=True)
class Choice:
    """The letter of a choice, and the text after it."""

    letter: str
    rest: str


def choice_of(text: str) -> Choice | None:
    """Return a choice's letter with the text after it; None if there is no letter with a bracket, dot or colon."""
    found = _CHOICE.fullmatch(flat(text))
    return Choice((found[1] or found[2]).upper(), found["rest"].strip()) if found else None


def letter_of(text: str) -> str:
    """Return the letter of an answer that is a letter alone, "" otherwise."""
    found = _LETTER.fullmatch(flat(text))
    return found[1].upper() if found else ""


def letters_in_a_run(text: str) -> tuple[str, ...]:
    """Return the letters of several choices in one word, "AC"; () for another text."""
    return tuple(flat(text)) if _RUN_OF_LETTERS.fullmatch(flat(text)) else ()


def letters_in_a_list(text: str) -> tuple[str, ...]:
    """Return the letters of several choices, "A, C" or "(A) and (C)"; () for another text."""
    letters = tuple(map(letter_of, split_list(flat(text))))
    return tuple(sorted(letters)) if len(letters) > 1 and all(letters) else ()


@dataclass(frozen=True, slots=True)
class Clock:
    """Minutes since midnight; perhaps since noon, if the half of the day is not given."""

    minutes: int
    half: str  # "a", "p" or ""

    def equals(self, other: Clock) -> bool:
        if self.half and other.half:
            return self == other
        return (self.minutes - other.minutes) % 720 == 0


def clock_of(text: str) -> Clock | None:
    """Return a time of day, with am or pm or without."""
    plain = _HALF_OF_DAY.sub(r" \1", flat(text)).strip()
    if plain.lower() in ("noon", "midnight"):
        plain = f"12 {plain}"
    found = _CLOCK.fullmatch(plain)
    if found is None or int(found[1]) > 24 or int(found[2] or 0) > 59 or not (found[2] or found[3] or found[4]):
        return None
    half = {"morning": "a", "afternoon": "p", "evening": "p", "noon": "p", "midnight": "a"}.get(
        (found[4] or "").lower(), (found[4] or "").lower()
    )
    hour = int(found[1])
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    elif hour > 12:
        half = "p"
    return Clock(hour * 60 + int(found[2] or 0), half)


def in_numbers(text: str) -> str:
    """Return "7 out of 10" and "1 in 6" as fractions, "Quadrant II" as the second one; "" for another text."""
    plain = flat(text)
    if share := _SHARE.fullmatch(plain):
        return rf"\frac{{{share[1]}}}{{{share[2]}}}"
    if quadrant := _QUADRANT.fullmatch(plain):
        return f"{_ROMAN.index(quadrant[1])} quadrant"
    return ""


def ratio_of(text: str) -> tuple[Fraction, ...] | None:
    """Return the parts of a ratio as multiples of its last one: 3:4, 3 to 4, 1:2:3."""
    parts = [number_of(part) for part in _RATIO.split(flat(text))]
    numbers = [part.value for part in parts if isinstance(part, Number)]
    if len(parts) < 2 or len(numbers) < len(parts) or numbers[-1] == 0:
        return None
    return tuple(number / numbers[-1] for number in numbers)


def base_of(text: str) -> tuple[str, int] | None:
    """Return the digits of a number and the base that is written with it."""
    if prefixed := _PREFIXED.fullmatch(text.strip()):
        return prefixed[2].upper(), _PREFIXES[prefixed[1].lower()]
    found = _BASE.fullmatch(text.strip())
    if found is None:
        return None
    base = (found[2] or found[3]).lower()
    value = UNITS.get(base, int(base) if base.isdigit() else 0)
    if not 2 <= value <= LARGEST_BASE:
        return None
    has_digit = any(map(str.isdigit, found[1]))
    return (found[1], value) if has_digit or _is_number_in(found[1], value) else None


def _is_number_in(letters: str, base: int) -> bool:
    """Tell whether letters are the digits of a number: FF in base 16; one alone is a name with an index."""
    return len(letters) > 1 and all(int(letter, LARGEST_BASE) < base for letter in letters)


def coordinates_of(text: str) -> tuple[str, ...]:
    r"""Return the coordinates of a vector in unit vectors or a column of two: 3i - 2j, \binom{3}{-2}; () otherwise."""
    if column := _COLUMN.fullmatch(text):
        return column[1].strip(), column[2].strip()
    plain, position = _HAT.sub(r"\1", text).strip(), 0
    found: dict[str, str] = {}
    while position < len(plain) and (term := _COORDINATE.match(plain, position)):
        found[term[3]] = term[1].replace("+", "") + (term[2].strip() or "1")
        position = term.end()
    if position < len(plain) or "j" not in found:
        return ()
    return tuple(found.get(name, "0") for name in ("ijk" if "k" in found else "ij"))


def figure_of(text: str) -> str:
    """Return the letters of a figure, point by point; "" for another text."""
    found = _FIGURE.fullmatch(flat(text))
    return "".join(found[1].split()) if found else ""


def label_of(text: str) -> tuple[str, str] | None:
    """Return the label and the value of "center: (1, 2)" or "P(1, 2)"; None for one without, as a ratio or a time."""
    point = _POINT.fullmatch(text)
    if point and (brackets := brackets_of(point[2])) and len(split_at(brackets[1], ",")) > 1:
        return point[1], point[2]
    parts = split_at(text, ":")
    if len(parts) != 2 or not _LABEL.fullmatch(parts[0]) or (parts[0].isalpha() and parts[0].isupper()):
        return None  # AB : CD
    return " ".join((*words_of(parts[0]), *re.findall(r"\d+", parts[0]))), parts[1]


def without_words(label: str, text: str) -> str:
    """Return a text without the words of a label in front of it: "radius 3" beside "Radius: 3"."""
    first = WORD.match(flat(text))
    return flat(text)[first.end() :].strip() if first and words_of(first[0]) == (label,) else text


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a text that carry meaning, without capitals and endings of the plural."""
    words = (_ONE_FORM.get(word.casefold(), word.casefold()) for word in WORD.findall(flat(text)))
    return tuple(
        word[:-1] if len(word) > 3 and word.endswith("s") else word for word in words if word not in _EMPTY_WORDS
    )
