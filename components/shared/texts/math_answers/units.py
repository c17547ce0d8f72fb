r"""Units and other words after a value: ``24 cm``, ``\text{m/s}``, ``USD 7``, ``75^{\circ}``, ``12 apples``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from itertools import pairwise

from components.shared.texts.latex import INSIDE, without_text

# The spellings of each unit, the first one is its name. Plurals in "s" are understood.
_SPELLINGS = """
mm millimeter millimetre|cm centimeter centimetre|dm decimeter decimetre|m meter metre|km kilometer kilometre
in inch inches|ft foot feet|yd yard|mi mile|mg milligram|g gram gramme gm|kg kilogram kilo|t ton tonne
lb|pound|oz ounce|ml milliliter millilitre|l liter litre|gal gallon|qt quart|pt pint|cup
ms millisecond|s sec second|min minute|h hr hour|day|wk week|month|yr year
hz hertz|khz kilohertz|mhz megahertz|n newton|j joule|kj kilojoule|w watt|kw kilowatt|v volt|pa pascal
k kelvin|mol mole|ohm|amp ampere|ev|cal calorie|kcal kilocalorie|acre|ha hectare
mph|kph kmh kmph|rpm
deg degree|degc celsius|degf fahrenheit|arcminute|arcsecond|rad radian|%  percent pct percentage percents
cent
"""
_CURRENCIES = """
usd dollar buck|eur euro|gbp|inr rupee rs|jpy yen|cny yuan rmb|rub ruble|krw won|chf franc
aud a$|cad c$|nzd|sgd|hkd|brl r$|mxn|zar
"""


def _by_spelling(table: str) -> dict[str, str]:
    lines = [spellings.split() for spellings in table.strip().replace("\n", "|").split("|")]
    return {spelling: names[0] for names in lines for spelling in names}


_CURRENCY_NAMES = _by_spelling(_CURRENCIES)
UNITS = _by_spelling(_SPELLINGS) | _CURRENCY_NAMES | {"yensign": "yensign"}
_SIGNS = {"$": "usd", "€": "eur", "£": "gbp", "₹": "inr", "¥": "yensign", "₽": "rub", "₩": "krw", "¢": "cent", "%": "%"}
WITH_SIGNS = frozenset(_SIGNS.values())  # "$5 million" is a number in words with its unit before it
PERCENT, DEGREES = "%", "deg"
_POWERS = {"square": "2", "sq": "2", "squared": "2", "cubic": "3", "cu": "3", "cubed": "3"}
_VARIABLES = frozenset("nkjwv")  # of one letter, and units only as capitals: 2\pi k
_ARTICLES = frozenset(("a",))  # no value: "a parallelogram"
_FILLERS = frozenset(("the", "a", "an", "of", "its", "and", "about", "exactly", "total", "each", "unit", "units"))

_DEGREE = re.compile(r"\^\{\s*\\circ\s*\}\s*(?:\\text\s*\{\s*)?(?:([CF])(?![a-z])\s*\}?)?")
_ARC_SECONDS = re.compile(r"(?:''|\"|\^\{\s*\\prime\s*\\prime\s*\})")
_ARC_MINUTES = re.compile(r"(?:'|\^\{\s*\\prime\s*\})")
_OF_ANGLE = re.compile(r"\\(?:sin|cos|tan|cot|sec|csc|cis)(?![a-z])")
_CODES = "|".join(code.upper() for code in (*sorted({*_CURRENCY_NAMES.values()}), "rmb"))
_CURRENCY = re.compile(
    rf"^([-+]?)\s*(?:(?:\\\$|([$€£₹¥₽₩¢]))|((?:US|[ACR])\\?\$|{_CODES}|Rs\.?|dollars)(?![a-zA-Z]))"
    r"\s*(?=[-\d.(\\{])"
)
_CURRENCY_BEHIND = re.compile(r"\s*(?:(\\\$)|([$€£₹¥₽₩¢]))\s*$")
_PERCENT_BEHIND = re.compile(r"\s*\\?%\s*$")
_WORDS = rf"\\text\s*\{{{INSIDE}\}}"
_QUOTIENT = rf"\\frac\s*\{{\s*(?:{_WORDS}(?:\^\{{\d\}})?\s*)+\}}\s*\{{\s*(?:{_WORDS}(?:\^\{{\d\}})?\s*)+\}}"
_PLAIN_QUOTIENT = r"\\frac\s*\{\s*(?:[ckm]?m|mi|ft)\s*\}\s*\{\s*(?:s|h|hr|min)(?:\^\{2\})?\s*\}"
_FRACTION = re.compile(rf"\\frac\s*\{{({INSIDE})\}}\s*\{{({INSIDE})\}}")
_TAIL = re.compile(
    rf"\s*(?:(?:{_QUOTIENT}|{_PLAIN_QUOTIENT}|{_WORDS}|(?<![a-zA-Z\\_^{{.'-])[a-zA-Z][a-zA-Z'.-]*)(?:\^\{{-?\d\}})?(?:[\s/]|\\cdot)*)+$"
)
_VALUE_END = re.compile(r"[\d})\]!]\s*$|\\[a-zA-Z]+\s*$|(?<![a-zA-Z])[a-zA-Z]\s+$")
_BOUND = re.compile(r"\bor (?:more|less|fewer|greater|higher|above|below|lower)\b|\bat (?:least|most)\b|\bnot\b")
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]+)\.?\s*(?:,\s*)?(?:and\s+)?")  # of "2 hours and 30 minutes"
_WORD = re.compile(r"[a-z%]+|\^\{?(-?\d)\}?|/", re.IGNORECASE)


def split_unit(text: str) -> tuple[str, str]:
    """Return a value without its unit, and the unit in one spelling; "" if it has none."""
    text = text.strip()
    if currency := _CURRENCY.match(text):
        name = (
            _SIGNS.get(currency[2] or "$")
            if not currency[3]
            else UNITS.get(currency[3].lower().strip(".").replace("\\", ""), "usd")
        )
        return currency[1] + text[currency.end() :].strip(), str(name)
    if behind := _CURRENCY_BEHIND.search(text):
        return text[: behind.start()], _SIGNS[behind[2] or "$"]
    if percent := _PERCENT_BEHIND.search(text):
        return text[: percent.start()], PERCENT
    degree = _DEGREE.search(text)
    if degree and degree.end() == len(text) and not _OF_ANGLE.search(text):
        return text[: degree.start()], DEGREES + (degree[1] or "").lower()
    return _split_words(text)


def _split_words(text: str) -> tuple[str, str]:
    tail = _TAIL.search(text)
    if tail is None or not _holds_unit(text[: tail.start()], tail[0]):
        return text, ""
    return text[: tail.start()].strip(), unit_name(tail[0])


def _holds_unit(value: str, tail: str) -> bool:
    r"""Tell whether letters after a value are words, and not variables: in ``\text``, long, or known with a space."""
    spaced = tail.startswith(" ")
    if value.strip().lower() in _ARTICLES and not _are_units(re.findall(r"[a-zA-Z]+", tail)):
        return False
    if not value.strip() or not _VALUE_END.search(value + " " * spaced):
        return False
    if r"\text" in tail or r"\frac" in tail:
        return True
    letters = re.findall(r"[a-zA-Z]+", tail)
    if _are_units(letters):
        return spaced or any(len(word) > 1 for word in letters)
    return any(len(word) > 3 for word in letters)


def _are_units(words: Iterable[str]) -> bool:
    return all(
        word not in _VARIABLES
        and (word.lower() in UNITS or word.lower().removesuffix("s") in UNITS or word.lower() in _POWERS)
        for word in words
    )


def unit_name(words: str) -> str:
    """Return the one spelling of a unit in words: "square centimetres" is "cm^2", "m/s" is "m/s"."""
    plain = _as_quotient(words)
    names: list[str] = []
    below: list[str] = []
    power = ""
    for match in _WORD.finditer(plain):
        word = match[0].lower()
        if match[1]:
            if not names or names[-1] == "/":
                continue
            if match[1].startswith("-"):
                below.append(f"{names.pop()}^{match[1][1:]}".removesuffix("^1"))
            else:
                names[-1] += "^" + match[1]
        elif word in ("/", "per"):
            names.append("/")
        elif word in ("square", "sq", "cubic", "cu"):
            power = "^" + _POWERS[word]
        elif word in _POWERS and names:
            names[-1] += "^" + _POWERS[word]
        elif word not in _FILLERS:
            names.append(_singular(word) + power)
            power = ""
    return " ".join([*names, "/" * bool(below), *below]).replace(" / ", "/").strip(" /")


def _as_quotient(words: str) -> str:
    plain = without_text(_FRACTION.sub(r"\1/\2", words))
    return plain.replace(".", "").replace(r"\cdot", " ")


def _singular(word: str) -> str:
    if word in UNITS:
        return UNITS[word]
    for ending, instead in (("ies", "y"), ("es", ""), ("es", "e"), ("s", "")):
        if word.endswith(ending) and (single := word.removesuffix(ending) + instead) in UNITS:
            return UNITS[single]
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


def in_one_unit(text: str) -> str:
    """Return "2 hours 30 minutes" in hours, "5 ft 6 in" in feet; "" for a text that is not in units of one measure."""
    plain = without_text(text)
    if r"\circ" in plain:
        plain = _ARC_SECONDS.sub(" arcsecond ", _DEGREE.sub(" deg ", plain))
        plain = _ARC_MINUTES.sub(" arcminute ", plain)
    parts = _PART.findall(plain)
    if len(parts) < 2 or _PART.sub("", plain).strip():
        return ""
    measures = [_in_base_unit(unit_name(unit)) for _, unit in parts]
    known = [measure for measure in measures if measure is not None]
    if len(known) < len(parts) or len({base for base, _ in known}) > 1:
        return ""
    factors = [factor for _, factor in known]
    if any(next_one >= factor for factor, next_one in pairwise(factors)):
        return ""
    total = sum(Fraction(number) * factor for (number, _), factor in zip(parts, factors, strict=True)) / factors[0]
    return rf"\frac{{{total.numerator}}}{{{total.denominator}}} \text{{ {unit_name(parts[0][1])}}}"


def may_be_equal(unit: str, other: str) -> bool:
    """Tell whether values in these units can be one value: the same, one left out, or one that says more."""
    if unit == other:
        return True
    if not unit or not other:
        return not _BOUND.search(unit or other)
    words, others = set(re.split(r"[ /]", unit)), set(re.split(r"[ /]", other))
    known = set(UNITS.values())
    if {word.partition("^")[0] for word in words | others} <= known:
        return not _meanings(unit).isdisjoint(_meanings(other))
    return words <= others or others <= words


def _meanings(unit: str) -> set[str]:
    """Return what a unit may mean: pounds are a weight or money, ¥ is Japan's or China's."""
    plain = _SAME.get(unit, unit)
    return {_YEN.sub(yen, _POUND.sub(pound, plain)) for pound in ("lb", "gbp") for yen in ("jpy", "cny")}


def factors_between(unit: str, other: str) -> tuple[Fraction, Fraction] | None:
    """Return what values in two units are multiplied by to be in the same one; None if they measure other things."""
    one, two = _in_base_unit(unit), _in_base_unit(other)
    return (one[1], two[1]) if one and two and one[0] == two[0] else None


def _in_base_unit(unit: str) -> tuple[str, Fraction] | None:
    above, over, below = _SAME.get(unit, unit).partition("/")
    if over:
        one, two = _in_base_unit(above), _in_base_unit(below)
        return (f"{one[0]}/{two[0]}", one[1] / two[1]) if one and two else None
    name, _, power = unit.partition("^")
    found = next(((base, factors[name]) for base, factors in _FACTORS.items() if name in factors), None)
    if found is None or (power and (power not in ("2", "3") or found[0] != "m")):
        return None
    return f"{found[0]}^{power}", found[1] ** int(power or 1)


# By base unit, how many of it each unit is. What is defined in two ways, as a cup or a ton, is left out.
_FACTORS: Mapping[str, Mapping[str, Fraction]] = {
    base: {name: Fraction(factor) for name, factor in (entry.split("=") for entry in factors.split())}
    for base, factors in {
        "m": "mm=1/1000 cm=1/100 dm=1/10 m=1 km=1000 in=254/10000 ft=3048/10000 yd=9144/10000 mi=1609344/1000",
        "g": "mg=1/1000 g=1 kg=1000",
        "oz": "oz=1 lb=16 pound=16",
        "s": "ms=1/1000 s=1 min=60 h=3600 day=86400 wk=604800",
        "month": "month=1 yr=12",
        "l": "ml=1/1000 l=1",
        "pt": "pt=1 qt=2 gal=8",
        "cent": "cent=1 usd=100",
        "arcsecond": "arcsecond=1 arcminute=60 deg=3600",
    }.items()
}
_SAME = {"deg degc": "degc", "deg degf": "degf", "mph": "mi/h", "kph": "km/h", "kmh": "km/h"}
_YEN = re.compile(r"\byensign\b")
_POUND = re.compile(r"\bpound\b")  # the word, which is a weight or money
