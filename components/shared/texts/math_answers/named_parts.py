r"""What the parser of the algebra loses: it reads f' and A^T as f and A, and \frac{dy}{dx} as 0.

Each such part gets a name of its own before, the same in both answers: the letter with a long index.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter

_PRIMES = re.compile(r"([a-zA-Z)}])('+)")  # not those of 30'
_DERIVATIVE = re.compile(r"(\\[a-zA-Z]+|(?<!\\)[a-zA-Z])('{1,9})")
_D = r"(?:d|\\partial(?![a-zA-Z]))"
_QUOTIENT = re.compile(
    rf"\\frac\s*\{{\s*({_D}(?:\^\{{\w+\}})?)\s*(\\?[a-zA-Z]+)\s*\}}\s*\{{((?:\s*{_D}\s*\\?[a-zA-Z](?:\^\{{\w+\}})?)+)\s*\}}"
)
_OPERATOR = re.compile(
    r"\\frac\s*\{\s*(d)\s*\}\s*\{(\s*d\s*)([a-z])\s*\}\s*[(\[]?\s*(?!\3)([a-zA-Z])(?:\s*\(\3\))?"
    r"\s*[)\]]?(?=\s*(?:\Z|=))"
)
_TRANSPOSED = re.compile(r"(?<![a-zA-Z\\])([A-Z])\s*\^\{\s*(?:T|\\top|\\text\s*\{T\})\s*\}")
_RELATION = r"[<>=|]|\\(?:leq?|geq?|neq?|mid|in|cap|cup|sub\w*)(?![a-zA-Z])"
_SUM = rf"\s*-?(?:\d+(?:\.\d+)?\s*[+-]|[A-Z]\s*[+-]\s*\d)(?:(?!{_RELATION})[^()])*\)"
_CHANCE = re.compile(  # not P(1+r), nor P(1+R)
    rf"(?<![a-zA-Z\\])([EPV])\s*\((?!{_SUM})(?=[^()]*[A-Z])((?:[^()a-z\\]|\\[a-zA-Z]+)*)\)"
)
_DIVISOR = re.compile(r"\\(gcd|lcm)\s*\(([^()]*[a-zA-Z][^()]*)\)")
_FUNCTION = re.compile(r"\\text\{(tr|Tr|Var|Cov|Re|Im|rank|rk|diag|span|ker|Res|erf|vol|adj|proj)\}")
_CROSS = re.compile(r"\\times(?![a-zA-Z])")
_MULTIPLE = re.compile(  # 2 \times \vec{a} is no product of vectors
    r"(?:(?<![\w.^])\d+(?:\.\d+)?|\\frac\s*\{\d+\}\s*\{\d+\})\s*\\times(?![a-zA-Z])"
)
_HAS_VECTORS = re.compile(r"\\(?:vec|nabla)(?![a-zA-Z])")


def with_names(text: str) -> str:
    """Return a formula for the parser, with names for what it would lose."""
    text = _DERIVATIVE.sub(lambda found: _name(found[1], f"prime{len(found[2])}"), text)
    text = _QUOTIENT.sub(lambda found: _name(found[2], found[1] + found[3]), text)
    text = _OPERATOR.sub(lambda found: _name(found[4], found[1] + found[2] + found[3]), text)
    text = _TRANSPOSED.sub(lambda found: _name(found[1], "transposed"), text)
    text = _CHANCE.sub(lambda found: _name("p", found[1] + found[2]), text)  # e is a number
    return _DIVISOR.sub(lambda found: _name(found[1][0], found[1] + str(sorted(found[2].split(",")))), text)


def derivatives_of(text: str) -> set[tuple[str, str]]:
    """Return what stands before each prime or row of primes, and these: there are others than of a letter."""
    return {(found[1], found[2]) for found in _PRIMES.finditer(text)}


def operations_of(text: str) -> Counter[str]:
    """Return the functions and products of vectors that would be lost, as often as they stand in a text."""
    operations = Counter(_FUNCTION.findall(text))
    if _HAS_VECTORS.search(text):
        operations.update(_CROSS.findall(_MULTIPLE.sub("", text)))
    return operations


def _name(letter: str, meaning: str) -> str:
    # The parser reads capitals as small letters. Indices of one digit may be those of arbitrary constants.
    index = zlib.crc32(f"{letter}{''.join(meaning.split())}".encode())
    return f" {letter}_{{{10 + index}}}"
