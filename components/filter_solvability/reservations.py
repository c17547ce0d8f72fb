"""What takes a verdict back beside it: "would be Yes if …", "Yes -> No", "Yes, a price is missing", or other lines.

A verdict that is taken back is none. That costs a judgement; to read it as it stands would turn it round.
"""

from __future__ import annotations

import re

# "If the price were given, the verdict would be Yes.", "The verdict should be Yes only if …": what the verdict is not.
_SUPPOSED = re.compile(
    r"\b(?:if|with|without|unless|had|were)\b.*\b(?:would|could|might)\s+(?:\w+\s+)?be\b(?:\s+as\s+follows\b)?"
    r"[^\w,;]{0,20}[^,;:]{0,40}\Z",
    re.IGNORECASE,
)
_ON_CONDITION = re.compile(
    r"[^\w\n.]*(?:(?:but\s+)?only\s+(?:if|when|once)|unless|provid(?:ed|ing)\s+(?:that|the|an?|it|its|we|this)"
    r"|(?:if|had|when|once|assuming)\b[^.;\n]*\b(?:were|was|had|would"
    r"|(?:is|are)\s+(?:also\s+)?(?:given|known|stated|provided|specified|supplied)))\b",
    re.IGNORECASE,
)
_CORRECTED = (
    r"(?:[-=—–]>|→|⇒)\W*{0}\b|\b(?:so|thus|therefore|hence|second\s+thoughts?|actually|rather|wait|correction|make\s+that)"
    r"[,:]?\s+(?:the\s+(?:answer|verdict)\s+is\s+)?{0}(?!\w|\s+\w)"
)
_CORRECTION = re.compile(
    r"^\W{0,20}(?:wait|correction|on\s+second\s+thoughts?|make\s+that)\b.*", re.IGNORECASE | re.MULTILINE
)
_LACK = r"(?:missing|lacking|unknown|contradictory|inconsistent|ambiguous|incomplete|insufficient)"
_IT = r"^\W*(?:(?:as|since|because)\s+)?(?:(?:it|(?:the|this)\s+(?:question|problem))\s+(?:is|can)\s*)?"
_AGAINST_YES = re.compile(
    rf"{_CORRECTED.format('no')}|{_IT}(?:unsolvable\b|not\s+(?:solvable|be\s+solved)\b)"
    rf"|^,\s*(?:(?!(?:no|nothing|none)\b)\w+\s+){{1,4}}(?:is|are)\s+{_LACK}\b",
    re.IGNORECASE,
)
_AGAINST_NO = re.compile(
    rf"{_CORRECTED.format('yes')}|\bnot\s+unsolvable\b|{_IT}(?:solvable|be\s+(?:solved|answered))\W*$"
    rf"|^,\s*(?:everything|all)\b[^.;]*\b(?:is|are)\s+(?:given|stated|known)\W*$",
    re.IGNORECASE,
)

_LINE = re.compile(
    r"^[^\w\n]{0,20}(?:\d+[.)]\s*)?(?P<about>\w[^\n?:]*)[?:][^\w\n]*(?:yes|no)[^\w\n]*$", re.IGNORECASE | re.MULTILINE
)
_SUMMARY = re.compile(
    r"\b(?:so|thus|hence|therefore|final\w*|overall|answer|result|summary|total|solvable|solved)\b", re.IGNORECASE
)
_FAULT = re.compile(
    rf"\b(?:unsolvable|contradictions?|ambiguit(?:y|ies)|{_LACK})\b[^.!\n]*[?:][^\w\n]*\Z", re.IGNORECASE
)
MAX_SENTENCE_CHARS = 400  # that is looked at before a verdict


def is_taken_back(text: str, end: int, *, solvable: bool) -> bool:
    """Tell whether a verdict is taken back behind it: in its line, or in one below that begins as a correction."""
    rest, _, below = text[end:].partition("\n")
    against = _AGAINST_YES if solvable else _AGAINST_NO
    return any(against.search(line) for line in (rest, *_CORRECTION.findall(below)))


def is_supposed(text: str, verdict: re.Match[str]) -> bool:
    """Tell whether a verdict only says what would be, or what it would need."""
    before = text[max(0, verdict.start() - MAX_SENTENCE_CHARS) : verdict.start() + 1]
    sentence = re.split(r"[.!?;\n]", before)[-1] + verdict[0][1:]
    return bool(_SUPPOSED.search(sentence)) or is_on_condition(text, verdict.end())


def is_on_condition(text: str, end: int) -> bool:
    """Tell whether what stands behind a verdict makes it depend on what is not given: "if the radius is known"."""
    return bool(_ON_CONDITION.match(text, end))


def is_one_of_several(text: str, start: int) -> bool:
    """Tell whether the yes or no at ``start``, a reply's last word, answers one of its lines or names a fault."""
    lines = list(_LINE.finditer(text))
    is_last = len(lines) > 1 and lines[-1].start("about") < start <= lines[-1].end()
    if is_last and not _SUMMARY.search(lines[-1]["about"]):
        return True
    return bool(_FAULT.search(text, text.rfind("\n", 0, start) + 1, start))
