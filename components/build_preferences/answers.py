r"""The answer that a rewrite gives away: in words, in a box, worked out, in brackets or as the sentence behind it.

``3 + 4 = 7`` is worked out. ``x^2 + 6 = 22`` is an equation, and "if the answer is even" is a condition.
"""

from __future__ import annotations

import re

from components.shared.texts.math_answers.number_words import SCALES, UNITS
from components.shared.texts.whole_question import still_asks

_WORDS = "|".join(sorted([*UNITS, *SCALES], key=len, reverse=True))
_NUMBER = rf"(?:[-−+]?[$€£]?\s*\\?\(?\$?-?\d|\b(?:{_WORDS})\b)"
_VALUE = rf"(?:{_NUMBER}|\$?\\(?:boxed|frac|sqrt|text)|[a-z]\s*=|\([A-E]\)|(?:yes|no|true|false)\b)"
_SAID = re.compile(
    rf"\\boxed|(?<!if the )(?<!if your )(?<!that the )(?<!when the )\banswer\s*(?:is\b|[:=])\W*?{_VALUE}"
    rf"|\bans(?:wer)?\s*[.:)=]+\s*{_VALUE}",
    re.IGNORECASE,
)
# What a solution begins with, unless the question follows.
_SOLVED = re.compile(
    r"\b(?:solution|explanation)\s*:|^\W*step\s+1\b|^\W*(?:therefore|hence|thus|so),?\s", re.IGNORECASE | re.MULTILINE
)
_PLAIN = r"\d[\d.,]*"
_SIGN = r"(?:[-+*/×÷−·]|\\(?:times|cdot|div))"
_SUM = re.compile(rf"(?<![\w^_.,{{\\]){_PLAIN}(?:\s*{_SIGN}\s*\$?{_PLAIN})+\s*=\s*\$?{_PLAIN}")
# Before a sum: it is a condition, or what somebody says.
_SUPPOSED = re.compile(
    r"\b(?:if|given|suppos\w*|assum\w*|when|knows?|knowing|says?|said|claims?|claimed|thinks?|believes?|writes?|wrote"
    r"|tells?|told|reads?|is it (?:true|correct|right)|true that|wrong|mistake|statements?|equations?)\b"
    rf"(?:(?>{_SUM.pattern})|[^.?!\n\d])*$",
    re.IGNORECASE,
)
_IN_DOUBT = re.compile(r"(?:^|[.!?]\s+)(?:is|does|why (?:is|does))\s+\$?$", re.IGNORECASE)  # "Is 5 + 7 = 12 true?"
_TRUE_OR_FALSE = re.compile(r"\btrue or false\b", re.IGNORECASE)
_MORE = re.compile(
    rf"(?:{_SIGN}|\^|[({{_]|\\(?:left|frac|sqrt)|\b(?:mod|log|sin|cos|tan))\s*\$?\s*$"
)  # before a sum: there is more to it
_GOES_ON = re.compile(rf"\s*(?:{_SIGN}\s*[\w\\(]|\^|_|[a-zA-Z]\b(?![a-z])|\\[a-z])")
_IN_BRACKETS = re.compile(
    rf"[?.!][\"'”’]?\s*(?P<answer>[(\[]\s*(?:(?:final\s+)?ans(?:wer)?\b\W*)?[-−$€£]?\s*(?:\d[\d.,/:]*|(?:{_WORDS})\b)\s*"
    r"(?:%|°|[a-z]+(?:\s+[a-z]+)?)?\.?\s*[)\]])\W*$",
    re.IGNORECASE,
)
# What may stand behind a question all the same: what to assume, and how to answer.
_ALLOWED = re.compile(
    r"\W*(?:assum|suppos|not[ei]\b|round|express|giv|write|use|let\b|hint|answer|leav|your|you\b|if\b|where|here|take|recall"
    r"|remember|state|enter|simplif|explain|show|justif|consider|please|ignor|include|do\b|don|provide|report|choose|select"
    r"|find|calculat|comput|determin|solv|what|how|when|who|which|treat|neglect|keep|approximat|be\b|in\b|for\b|all\b|each"
    r"|\[asy\]|\\begin|[|(]?[A-E1-5][).:]|[-*•]\s)",
    re.IGNORECASE,
)
_VALUE_ALONE = re.compile(
    r"[\s*#_=→⇒>:.({\[$-]*"
    r"(?:(?:so|thus|it['’]?s|it is|that['’]?s|result|total|hint|a|ans|solution|answer|correct|key)\b[\s*,:=._$-]*){0,2}"
    r"(?:(?P<name>[a-zA-Z])\s*=\s*)?"
    rf"(?P<value>[-−]?[$€£]?\d[\d.,/:]*|(?:(?:{_WORDS})\b[\s-]*)+)\s*(?:%|°|(?!or\b)[a-z]+(?:\s+[a-z]+)?)?[\s.*!_)}}\]$]*",
    re.IGNORECASE,
)
_VARIABLE = re.compile(r"(?<=\$)a(?=\$)|(?<![\w'\\])[b-zB-HJ-Z](?![\w'])")
_LAST_SENTENCE = re.compile(r"[.!?]\s+")
_RATE = re.compile(r"\b(?:in|per|to|for|equals?)\s+(?:a|an|one|each|every|1)\b", re.IGNORECASE)  # "12 inches in a foot"
_MEASURE = r"(?:hours?|hrs?|minutes?|mins?|days?|weeks?|months?|years?|dollars?|feet|foot|pounds?|h|m)"
_NUMBERS = re.compile(  # "twenty five", "3 hours and 20 minutes" and "11 (eleven)" are one
    rf"(?:\d[\d.,/:]*|\b(?!one\b)(?:{_WORDS})\b)"
    rf"(?:[\s-]*\(?(?:{_WORDS})\b|\s*{_MEASURE},?\s+(?:and\s+)?(?:\d+|{_WORDS})\b)*",
    re.IGNORECASE,
)
# With less told before, a statement behind the question may be what is still needed: "Its side is 5 cm."
ENOUGH_NUMBERS = 2
_PRONOUN = re.compile(r"\W*(?:\w+\W+)?(?:it|he|she|they|we|there|this|that)\b", re.IGNORECASE)
_RELATES = re.compile(
    r"\b(?:than|times|twice|half|double|triple|per|each|every|percent|more|less|fewer|at|older|younger|longer|shorter)\b"
    r"|[%/]",
    re.IGNORECASE,
)
_STATED = re.compile(
    r"\W*(?:(?:so|thus|then|hence|therefore|in total|altogether)\W+)?"
    r"(?:it|they|he|she|we|there|this|that|the|these|[A-Z]\w*)\b"
    rf".*?\b(?:is|are|was|were|has|have|had|will|would|can|gets?|needs?|takes?|costs?|makes?|equals?|left|\w+s)\b.*?{_NUMBER}",
    re.IGNORECASE | re.DOTALL,
)


def answer_in(text: str) -> str:
    """Return the words by which a text gives an answer away; "" for none."""
    for found in _SAID.finditer(text):
        if "boxed" in found[0] or "?" not in text[found.end() :]:
            return found[0].strip()
    for solution in _SOLVED.finditer(text):
        if not still_asks(text[solution.start() :]):
            return solution[0].strip()
    return _worked_out(text) or _in_brackets(text) or _value_behind(text) or _sentence_behind(text)


def _worked_out(text: str) -> str:
    if _TRUE_OR_FALSE.search(text):
        return ""
    for found in _SUM.finditer(text):
        before = text[: found.start()]
        is_stated = not (_SUPPOSED.search(before) or _IN_DOUBT.search(before))
        if is_stated and not _MORE.search(before) and not _GOES_ON.match(text, found.end()):
            return found[0].rstrip(".,")
    return ""


def _in_brackets(text: str) -> str:
    found = _IN_BRACKETS.search(text)
    return found["answer"] if found else ""


def _value_behind(text: str) -> str:
    """Return the value alone that stands behind the last question; "y = 3" is a condition where x is asked for."""
    asked, mark, behind = text.rpartition("?")
    found = _VALUE_ALONE.fullmatch(behind) if mark else None
    if found is None:
        return ""
    variables = set(_VARIABLE.findall(_LAST_SENTENCE.split(asked)[-1]))
    return found["value"] if not found["name"] or variables <= {found["name"]} else ""


def _sentence_behind(text: str) -> str:
    """Return the statement with a number that stands behind the last question; one with several is a condition."""
    asked, mark, behind = text.rpartition("?")
    behind = behind.strip("\"'”’)*_ \n")
    if not mark or behind.startswith("(") or _ALLOWED.match(behind) or _RATE.search(behind):
        return ""
    if not _STATED.match(behind) or len(_NUMBERS.findall(behind)) > 1:
        return ""
    told = len(_NUMBERS.findall(asked))
    is_datum = (told < 1 and not _PRONOUN.match(behind)) or (told < ENOUGH_NUMBERS and _RELATES.search(behind))
    return "" if is_datum else behind
