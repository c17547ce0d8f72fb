r"""Answers with a parameter or a modulus: ``\frac{\pi}{4} + k\pi, k \in \mathbb{Z}``, ``x \equiv 3 \pmod{7}``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from components.shared.texts.math_answers.numbers import number_of
from components.shared.texts.math_answers.phrases import flat
from components.shared.texts.math_answers.structure import both_signs, split_list

_SIGN = r"(?:(?:positive|negative|non-?negative|non-?zero)\s+)?"
_DECLARED = re.compile(
    r"[\s,;(]*(?:\\q?quad\s*)*(?:\b(?:where|for|with)\b\s*)?(?:(?:any|all|each|every|an?|some)\s+)?(?<![a-zA-Z])"
    r"(?:([a-zA-Z])\s*\\in\s*(?:\\mathbb\s*\{)?\s*([ZNRQ])\s*\}?((?:\s*[_^]\s*(?:\{[^{}]*\}|[-+*\d]))*)"
    rf"|([a-zA-Z])\s+(?:is\s+)?(?:(?:any|an?)\s+)?({_SIGN}(?:integer|natural|real))(?: number)?"
    rf"|({_SIGN}(?:integer|natural|real))s?(?: numbers?)?\s+([a-zA-Z]))[\s).]*$"
)
_MODULUS = re.compile(
    r"(?<=\S)\s*,?\s*(?:\(\s*\\?[pb]?mod(?:ulo)?(?![a-zA-Z])(?P<in_brackets>.+)\)"
    r"|\\?[pb]?mod(?:ulo)?(?![a-zA-Z])\s*"
    r"(?:\{(?P<in_braces>(?:[^{}]|\{[^{}]*\})+)\}|\((?P<behind>[^()]+)\)|(?P<plain>(?:[\w^+*/!-]|\{[^{}]*\})+)))[\s.]*$"
)
_PARAMETER = re.compile(r"(?<![\\a-zA-Z])[klmn](?![a-zA-Z])")
_LINEAR = re.compile(
    r"(?P<name>(?:[a-z]=)?)(?:(?P<before>-?\d+)\+)?(?P<modulus>\d+)(?P<parameter>[a-z])(?P<behind>[-+]\d+)?"
)
_PARAMETERS = frozenset("klmnt")  # of x = 2k; the x of y = 2x is none
_SHIFTED = ("({}+1)", "({}-1)", "(-{})", "(1-{})", "(-1-{})")
_SET_OF = re.compile(  # {2n+1 | n in Z}, but not {x | x in R}
    r"\\\{\s*(\S.*?\S)\s*(?:\\mid(?![a-zA-Z])|\||:)\s*([a-zA-Z]\s*\\in[^|{},]*(?:\{[^{}]*\})?[^|{},]*)\\\}"
)
_MARKS = (r"\in", "integer", "natural", "real")  # one of which such an answer has
_SETS = {  # by how they are written, without blanks, braces and hyphens in words
    "Z+": ("positiveinteger", "Z^+", "Z_+", "Z_>0", r"Z_\geq1", r"N^\cdot", "N^+", "N_+", "N_>0"),
    "Z-": ("negativeinteger", "Z^-", "Z_-", "Z_<0"),
    "N0": ("nonnegativeinteger", r"Z_\geq0", "N_0"),
    "R+": ("positivereal", "R^+", "R_+", "R_>0"),
    "Z": ("integer",), "N": ("natural",), "R": ("real",),
}  # fmt: skip
_NAMES = {written: name for name, all_written in _SETS.items() for written in all_written}


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str  # without what it says of its parameter
    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class Congruence:
    """An answer without its modulus, and the modulus."""

    text: str
    modulus: str

    def classes(self) -> Classes | None:
        """Return its classes of residues; None if it has others than whole numbers."""
        name, _, values = self.text.rpartition("=")
        modulus, numbers = number_of(self.modulus), list(map(number_of, both_signs(split_list(values))))
        whole = [number.value for number in (modulus, *numbers) if number and number.value.denominator == 1]
        if not numbers or len(whole) <= len(numbers) or whole[0] < 2:
            return None
        return Classes(name.strip(), frozenset(value % whole[0] for value in whole[1:]))


@dataclass(frozen=True, slots=True)
class Classes:
    """The least residues that something may have; its name, or ""."""

    name: str
    residues: frozenset[Fraction]

    def are_those_of(self, other: Classes) -> bool:
        """Compare the residues, and the names where both have one."""
        return self.residues == other.residues and (self.name == other.name or "" in (self.name, other.name))


def congruence_of(text: str) -> Congruence | None:
    """Return an answer that ends in its only modulus; None for any other."""
    if text.count("mod") != 1 or not (found := _MODULUS.search(text)):
        return None
    modulus = next(filter(None, found.groups())).strip()
    return Congruence(text[: found.start()].replace(r"\equiv", "="), modulus)


def without_parameters(answer: str, other: str) -> tuple[str, list[str]] | None:
    r"""Return two answers without what they say of a parameter, and with one name for it; None where it differs.

    The second one in all its forms: k+1 and -k are any whole number as well, so that k\pi may start elsewhere.
    """
    one, two = _read(answer), _read(other)
    classes = _as_congruence(answer, one), _as_congruence(other, two)
    if all(classes):
        return classes[0], [classes[1]]
    if one and two:
        same = _renamed(two, one.name)
        forms = _SHIFTED if one.domain == "Z" and one.name and _may_start_elsewhere(one) else ()
        shifted = [re.sub(_single(one.name), form.format(one.name), same) for form in forms]
        return (one.text, [same, *shifted]) if one.domain == two.domain else None
    if one and not two:
        return one.text, [_renamed_to(one.name, other)]
    if two and not one:
        return _renamed_to(two.name, answer), [two.text]
    return answer, [other]


def _read(text: str) -> _Answer | None:
    if builder := _SET_OF.fullmatch(text):
        text = f"{builder[1]}, {builder[2]}"
    found = _DECLARED.search(flat(text)) if any(map(text.__contains__, _MARKS)) else None
    if found is None or not found.start():
        return None
    written = found[2] + found[3] if found[2] else (found[5] or found[6]).replace("-", "")
    domain = re.sub(r"[\s{}]", "", written)
    return _Answer(flat(text)[: found.start()], found[1] or found[4] or found[7], _NAMES.get(domain, domain))


def _as_congruence(text: str, answer: _Answer | None) -> str:
    r"""Return ``x = 7k+3, k \in \mathbb{Z}`` as ``x = 3 \pmod{7}``, a congruence as it is; "" for another text."""
    if congruence_of(text):
        return text
    if answer is None or answer.domain != "Z" or not _may_start_elsewhere(answer):
        return ""
    if not (found := _LINEAR.fullmatch("".join(answer.text.split()))):
        return ""
    if found["parameter"] != answer.name or (found["before"] and found["behind"]):
        return ""
    return rf"{found['name']}{found['before'] or found['behind'] or 0} \pmod{{{found['modulus']}}}"


def _may_start_elsewhere(answer: _Answer) -> bool:
    """Tell whether an answer is a set of values, as x = 2k; y = 2x and f(n) = 2n are functions."""
    name, equals, _ = answer.text.partition("=")
    return not equals or (answer.name in _PARAMETERS and not re.search(_single(answer.name), name))


def _renamed_to(name: str, text: str) -> str:
    """Return an answer that leaves out what its parameter is with another name for it, if it has just one."""
    parameters = set(_PARAMETER.findall(text))
    return re.sub(_single(parameters.pop()), name, text) if len(parameters) == 1 else text


def _renamed(answer: _Answer, name: str) -> str:
    if not name or re.search(_single(name), answer.text):
        return answer.text
    return re.sub(_single(answer.name), name, answer.text)


def _single(letter: str) -> str:
    return rf"(?<![\\a-zA-Z]){letter}(?![a-zA-Z])"
