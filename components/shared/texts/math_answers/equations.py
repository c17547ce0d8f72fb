r"""Equations: a name and its value (``x=5``), a chain of equal values (``4+9=13``), an equation proper (``x+2y=3``)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.shared.texts.math_answers.phrases import flat
from components.shared.texts.math_answers.regions import has_variable
from components.shared.texts.math_answers.structure import matrix_of, split_list, split_relations

_LETTER = r"(?:\\?[a-zA-Z]+|\\(?:overline|vec|hat|angle|triangle|mathbf|mathcal)\s*\{?\s*[a-zA-Z]+\s*\}?)'*"
_NAME = re.compile(
    rf"(?:m\s*)?(?:\\(?:angle|triangle|nabla)\s*)?{_LETTER}(?:_\{{[^{{}}]*\}})?(?:\^\{{-1\}})?'*(?:\s*\([\w\s,]*\))?"
    rf"|\\frac\s*\{{\\partial\s*[a-zA-Z]\}}\s*\{{\\partial\s*[a-z]\}}"
    rf"|\\frac\s*\{{d(?:\^\{{\d\}})?\s*[a-zA-Z]\}}\s*\{{d\s*[a-z](?:\^\{{\d\}})?\}}|\|?\[?[A-Z]{{2,4}}\]?\|?"
    rf"|\(\s*{_LETTER}\s*(?:\\circ|\\cdot|[-+/])\s*{_LETTER}\s*\)\s*\([\w\s,.-]*\)"
    rf"|\(\s*{_LETTER}(?:\s*,\s*{_LETTER})+\s*\)|\\text\s*\{{[^{{}}]*\}}(?:_\{{[^{{}}]*\}})?|[a-zA-Z ]{{3,40}}"
)
_SUM_OF_NAMES = re.compile(r"[a-zA-Z\\+\-/:(){}_|\s]*(?:_\{\d+\}[a-zA-Z\\+\-/:(){}_|\s]*)*")
_OPERATION = re.compile(r"\\(?:lim|i{0,3}int|oint|sum|prod|max|min|sup|inf)(?![a-zA-Z])|\\frac\s*\{d\}\{d[a-z]\}")
_CONSTANT = re.compile(r"[cCkK](?:_\{\w+\})?")  # x^2 + y^2 = c gives no value to c
_PRODUCT = re.compile("[a-z]{2,3}")  # of letters: xy
_QUOTIENT = re.compile(r"\\frac\{d([a-zA-Z])\}\{d[a-z]\}")
_VECTOR = re.compile(r"\\vec\s*\{\s*([a-zA-Z])\s*\}")
_NUMBERED = re.compile(r"(?:[t-z]|\\lambda)_\{\d\}")
_COMMAND = re.compile(r"\\[a-zA-Z]+")
_FUNCTION_OF = re.compile(r"[a-zA-Z](?:\^\{-1\})?\([a-zA-Z]\)")


@dataclass(frozen=True, slots=True)
class Equation:
    """The sides of a chain of equalities; ``name`` is what it gives a value to, "" if there is none."""

    text: str
    sides: tuple[str, ...]
    name: str
    rounded: bool  # its last sign is "about"

    @property
    def is_numeric(self) -> bool:
        """Whether no side has a variable."""
        return not any(map(has_variable, self.sides))

    def values(self) -> tuple[str, ...]:
        """Return the values that represent the whole: the last side, or the exact one before a rounded one."""
        if self.name or self.is_numeric or self._asks_for_a_sum():
            return self.sides[-2:] if self.rounded and len(self.sides) > (2 if self.name else 1) else self.sides[-1:]
        return ()

    def has_name(self, name: str) -> bool:
        """Tell whether another name means the same: y is also the name of f(x)."""
        if self.name == name:
            return True
        if _QUOTIENT.sub(r"\1'", self.name) == _QUOTIENT.sub(r"\1'", name) and "'" in self.name + name:
            return True  # y' and dy/dx, but not dy/dt and dy/dx
        names = {self.name, name}
        if any(_NUMBERED.fullmatch(each) and each[:-4] in names for each in names):
            return True  # one of the values of x
        return "y" in names and any(_FUNCTION_OF.fullmatch(each) for each in names)

    def may_turn(self, other: Equation) -> bool:
        """Tell whether both may be one equation solved for two names: y = 2x and x = y/2, or xy = 3 and y = 3/x."""
        if not len(self.sides) == len(other.sides) == 2:
            return False
        letters, letters_two = (set(filter(str.islower, _COMMAND.sub("", each.text))) for each in (self, other))
        is_turned = self.name in other.sides[1] and other.name in self.sides[1]
        is_product = any(_PRODUCT.fullmatch(name) for name in (self.name, other.name))
        return is_turned or (is_product and letters == letters_two)

    def _asks_for_a_sum(self) -> bool:
        """Tell whether the left side is no more than letters, or a limit or sum: a+b = 5 answers "find a+b"."""
        if _OPERATION.match(self.sides[0]):
            return True
        return bool(_SUM_OF_NAMES.fullmatch(self.sides[0])) and not has_variable(self.sides[-1])


def equation_of(text: str) -> Equation | None:
    """Return the equation that a text is; None for a list, an inequality or a value."""
    if "=" not in text and r"\approx" not in text:
        return None
    sides, signs = split_relations(text)
    if not signs or not set(signs) <= {"=", "~"} or not all(sides) or _is_list(text, sides):
        return None
    if len(sides) == 2 and _is_name(sides[1]) and not _is_name(sides[0]) and not _CONSTANT.fullmatch(sides[1]):
        sides = sides[::-1]
    name = (
        "".join(flat(_VECTOR.sub(r"\1", sides[0])).split()).strip("|")
        if _is_name(sides[0])
        else _column_of_names(sides[0])
    )
    return Equation(" = ".join(sides), tuple(sides), name, signs[-1] == "~")


def _is_list(text: str, sides: list[str]) -> bool:
    """Tell whether commas separate several equations; x = 1, 2 gives one name two values."""
    items = split_list(text)
    return len(items) > 1 and (len(sides) > 2 or "=" in "".join(items[1:]))


def _column_of_names(side: str) -> str:
    """Return a column of letters as the name of a point, (x,y); "" for another side."""
    rows = matrix_of(side) or []
    is_column = len(rows) > 1 and all(len(row) == 1 and re.fullmatch("[a-z]", row[0]) for row in rows)
    return f"({','.join(row[0] for row in rows)})" if is_column else ""


def _is_name(side: str) -> bool:
    return any(_NAME.fullmatch(each) for each in (side.strip(), flat(side))) and has_variable(flat(side))
