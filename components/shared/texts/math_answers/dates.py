"""Dates in their spellings: "July 4, 1776", "4th of July 1776", "Wed", "Jan 5", "2024-03-05"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date as calendar_date

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT_FORM = 3  # letters: Jan, Wed
_SPELLINGS = {"sept": 9, "tues": 2, "thur": 4, "thurs": 4}
_MONTH_NUMBERS = {form: at for at, name in enumerate(_MONTHS, start=1) for form in (name, name[:_SHORT_FORM])}
_DAY_NUMBERS = {form: at for at, name in enumerate(_DAYS, start=1) for form in (name, name[:_SHORT_FORM])}
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_TOKEN = re.compile(r"\s*(?:(?P<number>\d{1,4})|(?P<word>[a-z]+)\.?|,)", re.IGNORECASE)
_IDLE = frozenset(("on", "in", "the", "of", "year", "and"))
_LAST_DAY = 31
_LEAP_YEAR = 2000


@dataclass(frozen=True, slots=True)
class Date:
    """What a date gives, 0 for what it leaves out; the weekday is 1 for Monday."""

    year: int = 0
    month: int = 0
    day: int = 0
    weekday: int = 0

    def equals(self, other: Date) -> bool:
        """Compare month and day; year and weekday may be left out beside them."""
        if (self.month, self.day) != (other.month, other.day):
            return False
        pairs = ((self.year, other.year), (self.weekday, other.weekday))
        return all(one == two or (self.day and not (one and two)) for one, two in pairs)


def date_of(text: str) -> Date | None:
    """Return the date that a text is, with a month or a weekday in words, or as ISO 8601; None for another text."""
    if iso := _ISO.fullmatch(text.strip()):
        date = Date(*map(int, iso.groups()))
        return _in_calendar(date) if date.day else None
    position, given = 0, dict.fromkeys(("year", "month", "day", "weekday"), 0)
    while position < len(text.rstrip()):
        token = _TOKEN.match(text, position)
        if token is None or not _takes(given, token):
            return None
        position = token.end()
    return _in_calendar(Date(**given)) if given["month"] or (given["weekday"] and not given["day"]) else None


def _in_calendar(date: Date) -> Date | None:
    """Return a date that the calendar has, None for 31 February; 29 February without a year is one."""
    if date.month or date.day:
        try:
            calendar_date(date.year or _LEAP_YEAR, date.month, date.day or 1)
        except ValueError:
            return None
    return date


def _takes(given: dict[str, int], token: re.Match[str]) -> bool:
    """Put a token where it belongs; False if it belongs nowhere, or its place is taken."""
    if token["number"]:
        number = int(token["number"])
        part = "day" if 0 < number <= _LAST_DAY and not given["day"] else "year"
    else:
        word = (token["word"] or "").lower()
        if not word or word in _IDLE:
            return True
        number = _MONTH_NUMBERS.get(word, 0) or _DAY_NUMBERS.get(word, 0) or _SPELLINGS.get(word, 0)
        part = "month" if word in _MONTH_NUMBERS or word == "sept" else "weekday"
    if not number or given[part]:
        return False
    given[part] = number
    return True
