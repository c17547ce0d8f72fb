"""What a reply to the two prompts is worth: the rewrite between its tags, or why there is none to be used."""

from __future__ import annotations

import re
from collections.abc import Callable

from components.build_preferences.answers import answer_in
from components.shared.engines import Completion, why_unanswered
from components.shared.filters import KEEP, Verdict
from components.shared.texts.canonical import canonical_key
from components.shared.texts.whole_question import fault_of, without_label

OPENING, CLOSING = "<question>", "</question>"  # what a reply's rewrite stands between
_REWRITE = re.compile(r"<question>((?:(?!</?question>).)*)</question>", re.DOTALL)


def rewrite_in(reply: str) -> str | None:
    """Return the text between the tags, without a label in front; None unless the reply has exactly one such pair."""
    found = _REWRITE.findall(reply)
    if len(found) != 1 or reply.count(OPENING) != 1 or reply.count(CLOSING) != 1:
        return None
    return without_label(str(found[0]).strip()).strip()


def judge(question: str, completion: Completion, other_language: Callable[[str], str]) -> Verdict:
    """Return KEEP, or why the reply is no rewrite of the question; ``other_language``: "" for English."""
    if (verdict := why_unanswered(completion, cut="cut_off")) != KEEP:
        return verdict
    rewrite = rewrite_in(completion.text)
    if rewrite is None:
        return Verdict("no_marker", "not exactly one <question>…</question>")
    if not rewrite:
        return Verdict("empty")
    if is_unchanged(question, rewrite):
        return Verdict("unchanged")
    if fault := fault_of(rewrite):
        return Verdict("no_question", fault)
    if (answer := answer_in(rewrite)) and not answer_in(question):
        return Verdict("answer_given", answer)
    if language := other_language(rewrite):
        return Verdict("not_english", language)
    return KEEP


def is_unchanged(question: str, rewrite: str) -> bool:
    """Tell whether a rewrite is the question in another spelling, layout or with another label."""
    return canonical_key(rewrite) == canonical_key(question)
