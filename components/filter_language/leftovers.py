"""What a generator writes around a question: markers of its chat template, its own solution, an announcement."""

from __future__ import annotations

import re

from components.shared.texts.next_question import CHAT_MARKER
from components.shared.texts.whole_question import says_nothing, still_asks

_MARKER = re.compile(CHAT_MARKER)
_LETTERS = re.compile(r"[a-zA-Z]")
_START = r"(?:(?<=\n)|(?<=[.?!] ))[*_# ]*"  # of a line or sentence behind others
# Before what an answer looks like: "Answer: in simplest form".
_NO_FORM = r"(?!(?:in|as|to|with|correct to|rounded|round|written|expressed|give|use|leave|your)\b|_{2,}|\?)"
# A header of steps, a heading with an answer behind it, or the sentence that closes a solution.
_SOLUTION = re.compile(
    r"(?<=\n)[ \t]*#+[ \t]*step[ \t]*\d+\b.*"
    rf"|(?<=\n)[ \t>#*_]*(?:(?:detailed |worked )?solution|(?:final |correct )?answer)[ \t*_]*"
    rf"(?:[:：.]|\n)[\s*_]*{_NO_FORM}\S.*"
    rf"|(?<=\n)[ \t>#*_]*(?:assistant|ai|bot|model|response|tutor)[ \t*_]*:.*"
    rf"|(?<=[?] )[*_(]*(?:final |correct )?ans(?:wer)?[ \t*_]*[:=][\s*_$]*[-\d\\].*"
    rf"|{_START}(?:so |thus |therefore |hence )?(?:,? ?the )?(?:final )?answer is[ :*_]*\$?\\boxed\s*\{{.*"
    rf"|{_START}the final answer is\b.*",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(
    r"\\boxed\s*\{\s*(?:|\\?[cl]?dots|\.\.\.|…|\?|_+|(?:your )?(?:final )?answer)\s*\}|_{2,}\W*$", re.IGNORECASE
)
_ANNOUNCEMENT = re.compile(
    r"\s*(?:(?:sure|certainly|of course|absolutely|okay|ok|great|no problem)\b[^\w\n]*)?"
    r"(?:here(?:'s|’s| is| are| you go)|below (?:is|are)|let me (?:create|give|think of)"
    r"|i(?:'d|’d| would| will|'ll|’ll) (?:be happy|be glad|love|create|give))\b"
    r"[^\n?=$\d]*\b(?:question|problem|puzzle|exercise|challenge|one)s?\b[^\n?=$\d]*",
    re.IGNORECASE,
)


def leftover_in(text: str) -> str:
    """Return what of a text belongs to a generator's template or reply, not to a question; "" for nothing."""
    for marker in _MARKER.finditer(text):
        if marker[0].count("|") < 2 or len(_LETTERS.findall(marker[0])) > 1:  # 3<|x|>y is none
            return f"a chat marker: {marker[0]}"
    if _ANNOUNCEMENT.fullmatch(text.rstrip()):
        return "an announcement without a question"
    if says_nothing(text):
        return "a refusal, a remark or a placeholder in place of a question"
    for solution in _SOLUTION.finditer(text):
        is_asked = "?" in text[: solution.start()] or not still_asks(text[solution.start() :])
        if is_asked and not _PLACEHOLDER.search(solution[0]):
            return f"a solution behind the question: {solution[0].strip()[:40]}"
    return ""
