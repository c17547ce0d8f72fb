r"""The verdict of a judge's reply, however it is written: behind a label, in a box, as a last word or a whole reply.

    Reason: The rate is missing.        {"reason": "…", "verdict": "No"}        ## Verdict
    **Final verdict:** No, since …      | Verdict | No |                        It cannot be solved.

Markdown, JSON, XML and LaTeX need no parser: their signs are no letters, and stand between label and word. Of a table,
each cell is put behind the heading of its column.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable

from components.filter_solvability.reservations import is_on_condition, is_one_of_several, is_supposed, is_taken_back
from components.filter_solvability.verdict_words import (
    LABELS,
    LABELS_WITHOUT_SPACE,
    LACKING,
    LEADS,
    NEGATIONS,
    NO,
    NO_IN_SHORT,
    SOLVABLE,
    WEAK_LABELS,
    YES,
    YES_IN_SHORT,
)
from components.shared.engines.thoughts import split_thought
from components.shared.texts.next_question import next_question


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


# "No information is missing" is no No, "No because the rate is missing" is one.
_A_LACK = (
    r"(?=\w)[^\n.]*\b(?:missing|lack\w*|needed|required|further|contradict\w*|inconsisten\w*|ambigu\w*|problems?"
    r"|issues?|errors?|mistakes?|gaps?|doubts?|flaws?|objections?|concerns?|obstacles?)\b"
)
_NO_LACK = rf"(?![ \t]+(?!(?:because|since|as|for|due|it|there|that|this|we|you|the|i)\b){_A_LACK})"
# What a verdict may begin with: "No contradictions. It is solvable."
_NOTHING_LACKS = (
    r"(?:no[ \t]+(?:[^\W\d]+[ \t]+){0,4}?"
    r"(?:contradictions?|inconsistenc(?:y|ies)|ambiguit(?:y|ies)|ambiguous|missing|problems?|issues?|errors?|mistakes?"
    r"|gaps?|doubts?|flaws?|objections?|concerns?)(?:[ \t]+(?!but\b)[^\W\d]+){0,4}[ \t]*[.,;:!–—-][ \t]*"
    r"(?:so[ \t]+|and[ \t]+)?)?"
)
_SUBJECT = (
    r"(?:(?:that\s+)?(?:(?:the|this)\s+)?(?:given\s+)?(?:question|problem|exercise|it)\s+|it['’]s\s+)?"
    r"(?:(?:is|are|es|ist)\s+)?(?:(?:indeed|clearly|fully|completely|definitely|therefore|thus)\s+)?"
)


_NOT_ENOUGH = ("not enough", "not possible")


def _value(yes: Iterable[str], no: Iterable[str], lacking: Iterable[str] = ()) -> str:
    """Return the pattern of a word or phrase that decides; it has the groups of ``_is_yes``."""
    unit = r"(?!\w|\s*=(?!=)|/\w)"  # neither "y = 3" nor "N/A"
    return (
        rf"{_SUBJECT}(?:(?P<yes>{_any_of(yes)}){unit}|(?P<no>{_any_of(no)}){unit}(?!['’]\w){_NO_LACK}"
        rf"|(?:can|could)(?P<cannot>\s*not|n?['’]t)?\s+be\s+(?:\w+ly\s+)?(?:solved|answered|determined|found)(?!\w)"
        rf"|(?P<negated>{NEGATIONS})?(?:{_any_of(SOLVABLE)})(?!\w)|(?P<lack>{_any_of([*lacking, *_NOT_ENOUGH])})\b)"
    )


def _is_yes(found: re.Match[str]) -> bool:
    return not (found["no"] or found["cannot"] or found["negated"] or found["lack"])


_WORD = _value(YES, NO)
_WORD_OR_LETTER = _value([*YES, *YES_IN_SHORT], [*NO, *NO_IN_SHORT], LACKING)
# All that repeats is bounded: a reply may be thousands of dots.
_SIGNS, _GAP, _IN_LINE = r"\W{0,20}", r"\W{1,5}", r"[^\w\n]{0,20}"
_COMMANDS = r"(?:\\[a-z]{1,12}+\W{0,5}){0,3}"  # of LaTeX: \boxed{\text{
_QUESTION = r"(?:it|(?:the|this)\s+(?:question|problem))"
_LABEL = (
    rf"(?:(?:{_any_of(LABELS)})\b|(?:{_any_of(LABELS_WITHOUT_SPACE)})"
    rf"|(?:is\s+)?(?:{_QUESTION}\s+)?(?:solvable|solvability|answerable){_SIGNS}[:=?]"
    rf"|can\s+{_QUESTION}\s+be\s+(?:solved|answered){_SIGNS}[:=?])"
)
_START = rf"(?:^|[.!?;:,()\]–—|{{}}>]|\s-(?=\s)){_IN_LINE}"
_LEAD = rf"(?:{_COMMANDS}(?:{_any_of(LEADS)}){_GAP})" + r"{0,7}" + _COMMANDS
_TOPIC = r"(?:\s+(?:on|for|of|about|regarding)\b[^:.\n]{1,50}?(?!\w))?" + rf"(?:{_SIGNS}[(\[][^()\[\]\n]*[)\]])?"
_SAYS = (
    rf"{_SIGNS}(?:(?:is|was|(?:would|should|must|has\s+to)\s+be|es|é|è|est|ist|为|為|是)(?!\w){_SIGNS}|(?:为|為|是)(?=\w))?"
    rf"(?:(?:clearly|clear|therefore|thus){_GAP})?{_COMMANDS}"
)
_STATEMENT = re.compile(
    rf"{_START}{_LEAD}{_LABEL}{_TOPIC}{_SAYS}{_NOTHING_LACKS}(?:{_WORD_OR_LETTER})",
    re.IGNORECASE | re.MULTILINE,
)
_NO_VARIABLE = r"(?![^\w\n]{0,20}[yn]\b)"  # "outcome = n" is a formula
_WEAK_STATEMENT = re.compile(
    rf"^{_IN_LINE}(?:{_LEAD})(?:{_any_of(WEAK_LABELS)}){_IN_LINE}(?:[:|→>]|={_NO_VARIABLE}){_IN_LINE}"
    rf"(?:{_WORD_OR_LETTER})[^\w\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_BOX = re.compile(rf"\\(?:boxed|fbox){_SIGNS}{_COMMANDS}(?:{_WORD})(?![ \t]+\w)", re.IGNORECASE)
_FIELD = re.compile(
    rf"[\"'<](?:(?:final\s)?answer|result|(?:is\s)?valid)[\"'>]\s*:?\s*[\"']?(?:{_WORD_OR_LETTER})", re.IGNORECASE
)
_SPOKEN = rf"(?:(?P<yes>{_any_of(YES)})|(?P<no>{_any_of(NO)}))"
_LAST_WORD = re.compile(rf"(?:^|[.!?:\n。]|\*\*)[\"'“*\s]{{0,20}}{_SPOKEN}(?!\w)[\"'”*.!。\s]*\Z", re.IGNORECASE)
_WHY = r"(?:\s+(?:because|since|as)\b[^\n]*)?"
# "The answer is no because 7 is odd" answers the question itself.
_WHOLE = re.compile(
    rf"{_SIGNS}(?:(?:the\s+)?answer(?:(?P<spoken>\s+is\b)|(?!\s+is\b)){_GAP})?{_NOTHING_LACKS}"
    rf"(?:{_WORD_OR_LETTER})(?(spoken)|{_WHY}){_SIGNS}",
    re.IGNORECASE,
)
_SENTENCE = re.compile(rf"{_SIGNS}{_SPOKEN}\s*(?:\n|(?!-\w)[^\w\s])(?P<rest>.*)", re.IGNORECASE | re.DOTALL)

_EITHER_WORD = _any_of([*YES, *YES_IN_SHORT, *NO, *NO_IN_SHORT, "solvable", "unsolvable"])
_BOTH = re.compile(
    rf"(?<!\w)(?P<one>{_EITHER_WORD})[^\w\n]*(?:(?:[/|]|\b(?:or|oder|ou)\b|或)|(?P<end>\b(?:and|y|und|et)\b|[,;?]))[^\w\n]*"
    rf"(?P<other>{_EITHER_WORD})(?!\w)(?(end)(?=\s*(?:[^\w\s]|\Z)|\s*$))",
    re.IGNORECASE | re.MULTILINE,
)
# A question without a header, before the reason for its verdict.
_UNANNOUNCED = re.compile(r"^(?=[^\n]{10,}\?[ \t]*\n\s*\W{0,5}reason\b)", re.IGNORECASE | re.MULTILINE)
_VERDICT_TAG, _REASON = re.compile("<verdict>", re.IGNORECASE), re.compile("</?reason>", re.IGNORECASE)  # no thought
_HTML = re.compile(
    r"</?(?:(?P<inline>b|i|u|em|strong|mark|span|font|code)|p|br|div|li|ul|ol|h[1-6])(?:\s[^<>]{0,100})?/?>",
    re.IGNORECASE,
)
_TAGGED = re.compile(r"</|<br\b", re.IGNORECASE)
_STRUCK = re.compile(r"~~[^~\n]{1,40}~~")
_NEGATIVE = frozenset((*NO, *NO_IN_SHORT, "unsolvable"))
_TABLE = re.compile(
    r"^(?P<head>[^\n]*\|[^\n]*)\n[ \t]*\|?[ \t]*:?-[-| :\t]*\n(?P<body>(?:[^\n]*\|[^\n]*(?:\n|\Z))+)", re.MULTILINE
)

# A last word that is the question's own answer, and not the judge's verdict.
_CALCULATION = r"(?:[=≡∣]|\d\s*[*×/^<>]\s*\d|\\(?:frac|times|cdot))"
_OWN_ANSWER = re.compile(rf"(?:\d.*\banswer is|{_CALCULATION}.*\banswer)\W*\Z", re.IGNORECASE | re.DOTALL)
_HEDGED = re.compile(
    rf"{_CALCULATION}|\b(?:might|may|perhaps|maybe|unless|depends?|otherwise|assum\w+|unsure"
    r"|(?:not|n['’]t) (?:sure|certain)|(?:can ?not|can['’]t) (?:tell|say))\b",
    re.IGNORECASE,
)
_AGAINST_YES = re.compile(
    r"\b(?:but|however|although|though|can ?not|can['’]t|isn['’]t|not (?:given|stated|known|enough|solvable|clear)"
    r"|unsolvable|insufficient|(?<!no )(?<!any )(?:contradictions?|ambiguit(?:y|ies))|(?<!not )contradict(?:s|ory)?"
    r"|(?<!nothing )(?<!nothing is )(?:missing|lacks?|lacking))\b",
    re.IGNORECASE,
)
_AGAINST_NO = re.compile(
    r"\bnothing\b|\b(?:everything|all)\b[^.]*\b(?:is|are) (?:given|stated|known)\b|\bcan be (?:solved|answered)\b"
    r"|\bis (?:solvable|answerable)\b",
    re.IGNORECASE,
)
MAX_QUESTIONS = 10  # in a reply; one with more of them repeats itself without end
MAX_SENTENCES_CHARS = 400  # of a reply that is a verdict as a whole


def parse_verdict(reply: str) -> bool | None:
    """Return what a judge says last about the question that was put; None if it says neither yes nor no.

    The last verdict behind a label counts; if there is none, one in a box, in a field "answer", as the last sentence,
    or as the whole reply. "Yes or No" repeats what is asked for and decides nothing. Thoughts are not read, and behind
    the header of another question only what is needed for a verdict.
    """
    reply = unicodedata.normalize("NFKC", _without_html(reply))
    _, text = split_thought(_REASON.sub(" ", reply) if _VERDICT_TAG.search(reply) else reply)
    text = _STRUCK.sub(" ", text)
    text = _UNANNOUNCED.sub("Question:\n", _with_named_cells(text.replace("_", " ")))
    text = _BOTH.sub(_undecided, text).strip()
    end = 0
    for _ in range(MAX_QUESTIONS):
        end = next_question(text, end + 1)
        if (solvable := _last_verdict(text[:end].strip())) is not None:
            return solvable
        if end == len(text):
            break
    return None


def _without_html(reply: str) -> str:
    """Return a reply with the characters of HTML's entities, and without its tags: <b>No</b>, &nbsp;."""
    reply = html.unescape(reply) if "&" in reply else reply
    return _HTML.sub(lambda tag: " " if tag["inline"] else "\n", reply) if _TAGGED.search(reply) else reply


def _last_verdict(text: str) -> bool | None:
    for pattern in (_STATEMENT, _BOX, _FIELD, _WEAK_STATEMENT):
        if verdicts := [found for found in pattern.finditer(text) if not is_supposed(text, found)]:
            solvable = _is_yes(verdicts[-1])
            return None if is_taken_back(text, verdicts[-1].end(), solvable=solvable) else solvable
    if whole := _WHOLE.fullmatch(text):
        return _is_yes(whole)
    if last := _LAST_WORD.search(text):
        start = last.start("yes" if last["yes"] else "no")
        if is_supposed(text, last) or is_one_of_several(text, start):
            return None
        if not _OWN_ANSWER.search(text, 0, start):
            return last["no"] is None
    return _whole_reply(text)


def _whole_reply(text: str) -> bool | None:
    """Return the verdict of a short reply that begins with it, if its reason does not say the opposite."""
    found = _SENTENCE.fullmatch(text)
    if found is None or len(text) > MAX_SENTENCES_CHARS or _HEDGED.search(text):
        return None
    if is_on_condition(text, found.end("yes" if found["yes"] else "no")):
        return None
    against = _AGAINST_YES if found["yes"] else _AGAINST_NO
    return None if against.search(found["rest"]) else found["no"] is None


def _undecided(both: re.Match[str]) -> str:
    """Return a word that decides nothing, for a yes beside a no; "Is it solvable? No." decides."""
    if both["one"].lower().endswith("solvable") and both["end"] == "?":
        return both[0]
    one, other = (word.lower() in _NEGATIVE for word in (both["one"], both["other"]))
    return both[0] if one == other else "either"


def _with_named_cells(text: str) -> str:
    """Return the text with a line for each cell of its tables behind them: the heading of the column, and the cell."""
    return _TABLE.sub(lambda table: f"{table[0]}\n{_named_cells(table['head'], table['body'])}\n", text)


def _named_cells(head: str, body: str) -> str:
    names = _cells_of(head)
    rows = [zip(names, _cells_of(row), strict=False) for row in body.splitlines()]
    return "\n".join(f"{name}: {cell}" for row in rows for name, cell in row)


def _cells_of(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip(" |").split("|")]
