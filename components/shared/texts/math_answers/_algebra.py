"""Formulas compared by value with sympy: at some points, with many digits; symbolically if that does not decide.

Points decide in milliseconds what takes seconds to simplify. Two formulas are equal if they agree at every point where
both are real; two equations are equal if one is a multiple of the other.
"""

from __future__ import annotations

import logging
import re
import zlib
from collections.abc import Iterator
from functools import lru_cache
from itertools import permutations
from typing import Any

import mpmath
import sympy
from latex2sympy2_extended import NormalizationConfig
from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify
from sympy.core.function import AppliedUndef

logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns that its timeouts are off, which ours replace

DIGITS = 25
SCALES = (0.6, 1.7, 2.9, 8.3, -0.7, -2.6, 31.0)  # of the points: within 1, beyond it, on both sides of 0
MIN_AGREEING = 3
EXACT, ROUNDED = mpmath.mpf(10) ** -18, mpmath.mpf(10) ** -6  # how far apart equal values may be, by their size
NOISE = mpmath.mpf(10) ** -15  # smaller values are computed again, with more digits

# Units are ours: Math-Verify takes the c of "x + 2 c" for one.
_NORMALIZATION = NormalizationConfig(
    basic_latex=True, units=False, malformed_operators=True, nits=True, boxed="all", equations=False
)
_EXTRACTION = (LatexExtractionConfig(normalization_config=_NORMALIZATION), ExprExtractionConfig())
_CONSTANTS = {"i": lambda: mpmath.mpc(0, 1), "e": lambda: +mpmath.e, "pi": lambda: +mpmath.pi}
_ARBITRARY = re.compile(r"c(?:_?\{?\d\}?)?")  # of the solutions of differential equations; parsed in small letters
# With a constant that is one for sure, C or c_1, other letters that only one formula has are constants as well.
_CAPITAL = re.compile(r"(?<![\\a-zA-Z\d}])C(?!_|[a-zA-Z]{2})")
_BESIDE_IT = re.compile(r"(?<![\\a-z])[n-z](?![a-z]{2})")  # a variable; "C + 1" alone has no constant
_CERTAIN, _POSSIBLE = re.compile(r"c_?\{?\d\}?"), re.compile(r"[abdk](?:_?\{?\d\}?)?")
_LAST_PARAMETER = "m"  # letters behind it are variables: n, t, x, theta
_DECIMAL = re.compile(r"\d\.\d")
_BINDING = (sympy.Sum, sympy.Product, sympy.Integral, sympy.Derivative, sympy.Limit)  # of a variable to values
_CIS = re.compile(r"\\?cis\s*(\((?:[^()]|\([^()]*\))*\)|\{[^{}]*\}|\\?\w+(?:\^\{\\circ\})?)")
_DEGREES = re.compile(r"(\d+(?:\.\d+)?)\s*\^\{\s*\\circ\s*\}")


def are_equal(answer: str, other: str) -> bool:
    """Compare two formulas by value, with the same result in either order; False if one cannot be parsed."""
    try:
        one, two = _parsed(answer), _parsed(other)
        if one is None or two is None:
            return False
        tolerance = ROUNDED if _DECIMAL.search(answer + other) else EXACT
        found = _compare(one, two, tolerance)
        return found if found is not None else _verified(one, two)
    except Exception:  # noqa: BLE001 -- on text that is not mathematics, sympy raises whatever it meets
        return False


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Any:
    """Return the sympy expression of a text, None if there is none."""
    if _BESIDE_IT.search(text):
        text = _CAPITAL.sub("C_{0} ", text)
    text = _DEGREES.sub(r"(\\frac{\1\\pi}{180})", text)
    text = _CIS.sub(r"(\\cos \1 + i \\sin \1)", text)
    # Math-Verify's own timeouts are signals, which do not interrupt the big-number arithmetic that hangs.
    found = parse(rf"\boxed{{{text}}}", _EXTRACTION, fallback_mode="no_fallback", parsing_timeout=None)
    if not found or not isinstance(found[0], (sympy.Basic, sympy.MatrixBase)) or found[0].has(*_BINDING):
        return found[0] if found else None
    # A function that the text does not define has a value at a point, as a variable has: f(x) is a name.
    return found[0].replace(lambda part: isinstance(part, AppliedUndef), lambda part: sympy.Symbol(str(part)))


def _compare(one: Any, two: Any, tolerance: Any) -> bool | None:
    if isinstance(one, sympy.MatrixBase) and isinstance(two, sympy.MatrixBase):
        return one.shape == two.shape and all(
            bool(_compare(*pair, tolerance)) for pair in zip(one.doit().flat(), two.doit().flat(), strict=True)
        )
    if isinstance(one, sympy.core.relational.Relational) and isinstance(two, sympy.core.relational.Relational):
        return _same_relation(one, two, tolerance)
    if isinstance(one, sympy.Expr) and isinstance(two, sympy.Expr):
        found = _agree(one, two, tolerance)
        return found or any(_agree(renamed, two, tolerance) for renamed in _renamings(one, two)) or found
    return None


def _same_relation(one: Any, two: Any, tolerance: Any) -> bool:
    """Tell whether the differences of the sides are equal up to a factor, which is positive for inequalities."""
    (sign, left), (sign_two, left_two) = _ascending(one), _ascending(two)
    if sign is not sign_two:
        return False
    for renamed in [left, *_renamings(left, left_two)]:
        for pair in ((renamed, left_two), (_numerator(renamed), _numerator(left_two))):
            ratios = list(_ratios(*pair))
            if len(ratios) >= MIN_AGREEING and all(_close(ratio, ratios[0], tolerance) for ratio in ratios):
                return sign in (sympy.Eq, sympy.Ne) or bool(mpmath.re(ratios[0]) > 0)
    return False


def _ascending(relation: Any) -> tuple[type, Any]:
    turned = {sympy.StrictGreaterThan: sympy.StrictLessThan, sympy.GreaterThan: sympy.LessThan}
    kind = type(relation)
    if kind in turned:
        return turned[kind], relation.rhs - relation.lhs
    return kind, relation.lhs - relation.rhs


def _numerator(expression: Any) -> Any:
    return sympy.fraction(sympy.together(expression.doit()))[0]


def _ratios(one: Any, two: Any) -> Iterator[Any]:
    names = _names_of(one, two)
    for scale in SCALES:
        value, value_two = _values(one, names, scale), _values(two, names, scale)
        if value and value_two:
            yield value / value_two


def _agree(one: Any, two: Any, tolerance: Any) -> bool | None:
    """Compare two formulas at some points; None if too few of them have a value."""
    names = _names_of(one, two)
    has_variables = any(name.name not in _CONSTANTS for name in names)
    real, other = [], []
    for scale in SCALES if has_variables else SCALES[:1]:
        value, value_two = _values(one, names, scale), _values(two, names, scale)
        if value is None or value_two is None:
            continue
        same = _close(value, value_two, tolerance)
        if not all(abs(mpmath.im(each)) <= EXACT * abs(each) for each in (value, value_two)):
            other.append(same)
        elif same:
            real.append(same)
        else:
            return False
    verdicts = real or other
    if not all(verdicts):
        return False
    return True if len(verdicts) >= (MIN_AGREEING if has_variables else 1) else None


def _names_of(one: Any, two: Any) -> tuple[Any, ...]:
    return tuple(sorted(one.free_symbols | two.free_symbols, key=str))


def _values(expression: Any, names: tuple[Any, ...], scale: float) -> Any:
    """Return the number that a formula is at a point, None if it is none.

    The point depends on the names alone: the same for both formulas, in either order. No two points lie on one line
    through 0, where x + 2y and 2x + y have the same ratio everywhere.
    """
    point = [
        _CONSTANTS.get(name.name) or scale * (0.55 + 0.45 * zlib.crc32(f"{name.name}{scale}".encode()) / 2**32)
        for name in names
    ]
    value = _value_at(expression, names, point, DIGITS)
    if value is not None and 0 < abs(value) < NOISE:
        value = _value_at(expression, names, point, 3 * DIGITS)  # a value that is 0 comes out smaller
    return value if value is None or abs(value) > NOISE**3 else mpmath.mpf(0)


def _value_at(expression: Any, names: tuple[Any, ...], point: list[Any], digits: int) -> Any:
    with mpmath.workdps(digits):
        numbers = [each() if callable(each) else mpmath.mpf(each) for each in point]
        try:
            # The sign takes a constant that stands alone, such as pi, to these digits: otherwise it has few later on.
            value = +mpmath.mpmathify(_function_of(expression, names)(*numbers))
        except (SyntaxError, ValueError, TypeError, ZeroDivisionError, NameError, AttributeError, NotImplementedError):
            return None
    return value if mpmath.isfinite(value) else None


@lru_cache(maxsize=1024)
def _function_of(expression: Any, names: tuple[Any, ...]) -> Any:
    if expression.has(*_BINDING):
        expression = expression.doit()
    return sympy.lambdify(names, expression, modules="mpmath", dummify=True)


def _close(value: Any, other: Any, tolerance: Any) -> bool:
    size = max(abs(value), abs(other))
    if tolerance is ROUNDED:
        size = min(size, 1)
    return bool(abs(value - other) <= tolerance * size)


def _renamings(one: Any, two: Any) -> Iterator[Any]:
    """Yield the first formula with its arbitrary constants renamed to those of the second one, in each order."""
    own, others = _arbitrary(one, two), _arbitrary(two, one)
    if own and len(own) == len(others) <= 3 and len(one.free_symbols) > len(own):
        for names in permutations(others):
            if list(names) != own:
                yield one.subs(dict(zip(own, names, strict=True)), simultaneous=True)


def _arbitrary(formula: Any, other: Any) -> list[Any]:
    shared = formula.free_symbols & other.free_symbols
    certain = any(_CERTAIN.fullmatch(name.name) for name in formula.free_symbols | other.free_symbols)
    has_variable = any(name.name > _LAST_PARAMETER and name.name not in _CONSTANTS for name in shared)
    possible = formula.free_symbols - shared if certain and has_variable else frozenset()
    names = (
        name
        for name in formula.free_symbols
        if _ARBITRARY.fullmatch(name.name) or (name in possible and _POSSIBLE.fullmatch(name.name))
    )
    return sorted(names, key=str)


def _verified(one: Any, two: Any) -> bool:
    """Compare symbolically in both orders: each finds equalities that the other misses."""
    return any(
        bool(verify(gold, target, allow_set_relation_comp=True, timeout_seconds=None))
        for gold, target in ((one, two), (two, one))
    )
