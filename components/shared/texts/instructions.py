"""Sentences around a question that ask for nothing: how to answer, a greeting, a request for help."""

from __future__ import annotations

import re

# Of such a sentence each word is in one of these lists, and one in the first.
_CORE = """
answer answers answering solve solution solutions problem problems question questions explain explanation justify
reasoning steps step work working help thanks thank think task exercise instructions
return output
"""
_AROUND = """
hello hi hey please kindly can could would will you me us i we need with this these the a an that following below above
next given is are here now math maths mathematics mathematical word your my by show all write give provide state report
express put enter only just final numerical numeric number single value as in within box boxed and or carefully
clearly efficiently detailed complete full correct read first then before after let let's it to for be should must make
sure at end dear so much advance expert tutor assistant why do not use using one simplify simplified simplest form
lowest terms
"""
_WORDS = frozenset(f"{_CORE} {_AROUND}".split())
CORE_WORDS = frozenset(_CORE.split())
_BEGINNINGS = (
    *("answ", "solv", "solut", "probl", "quest", "expl", "justif", "reason", "step", "work", "help", "thank", "think"),
    *("task", "exerc", "instruc", "return", "output"),
)  # of these words: a search for each is faster than a pattern of all
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_FORMULA = re.compile(r"[\d$\\=_]")
_MARKS = re.compile(r"\$?\\boxed\s*(?:\{\s*\})?\$?|#{2,}")  # where to put the answer
_REQUEST = re.compile(r"\W*(?:please\s+)?(?:can|could|would|will)\s+you\b", re.IGNORECASE)


def may_instruct(text: str) -> bool:
    """Tell whether a text may have such a sentence, fast."""
    lowered = text.lower()
    return any(beginning in lowered for beginning in _BEGINNINGS)


def is_instruction(sentence: str) -> bool:
    """Tell whether a sentence has no word of a question's own; one with a question mark has to be a request."""
    words = [word.replace("’", "'").lower() for word in _WORD.findall(_MARKS.sub(" ", sentence))]
    if CORE_WORDS.isdisjoint(words) or not _WORDS.issuperset(words) or _FORMULA.search(_MARKS.sub(" ", sentence)):
        return False
    return not sentence.rstrip(" \"'”’*").endswith("?") or _REQUEST.match(sentence) is not None
