"""What is no whole question: a refusal, a placeholder, half a sentence, leftovers of a prompt or a template."""

from __future__ import annotations

import re
from collections.abc import Callable

from components.shared.texts.math_answers.number_words import SCALES, UNITS
from components.shared.texts.next_question import CHAT_MARKER
from components.shared.texts.prose import WORD

_NOUN = r"(?:question|problem|exercise|version|text|puzzle|prompt|rewrite|task)"
_NEW = (
    r"(?:(?:the|a|an|your|my|this|that|new|re-?written|rephrased|revised|modified|improved|updated|changed|mended|fixed"
    r"|harder|easier|better|different|difficult|solvable|original|mathematics|mathematical|math|maths|word|more|following"
    r"|same|complete|final|actual|resulting)\s+)"
)
_ABLE = (
    r"(?:re-?write|rephrase|help|answer|solve|make|mend|provide|assist|do|create|generate|modify|change|complete|comply"
    r"|fulfil\w*|produce|give|write|see|find|determine|process|understand|improve|continue|read)"
)
_I = r"(?:i['’]?m|i am|we are)\s+(?:very\s+|so\s+|really\s+)?"
_NOT = r"(?:i|we)\s+(?:can(?:not|['’]t| not)|could(?: not|n['’]t)|do(?: not|n['’]t)|will not|won['’]t)"
_THE_NOUN = rf"(?:the|this|that)\s+{_NEW}*{_NOUN}"
_REWRITE = r"(?:re-?write|rephrase|fulfil\w*|comply)"
_REFUSAL = re.compile(
    rf"\W*(?:{_I}sorry\b|i apologi[sz]e|my apologies|sorry\b(?!['’])|as an? (?:ai|language model|assistant)"
    rf"|{_NOT}\s+(?:\w+\s+)?(?:{_REWRITE}\b|{_ABLE}\b[^.?!\n]*\b(?:this|that|your)\s+{_NEW}*{_NOUN}\b)"
    rf"|(?:i|we)\s+will\s+(?:now\s+)?(?:re-?write|rephrase|mend|modify|improve)\b"
    rf"|{_I}(?:happy|glad|afraid|unable|not able)\b[^.?!\n]*\b(?:help|{_NOUN})\b"
    rf"|unfortunately\W+(?:i|we|it|there|{_THE_NOUN})\b"
    r"|(?:i|we)(?: will not|['’]ll not| won['’]t) be able\b"
    r"|(?:sure|certainly|of course|okay|ok|absolutely|great|no problem|thanks?|thank you|you['’]re welcome)\s*[,.!:]"
    rf"|here(?:['’]s| is| are)\s+{_NEW}*{_NOUN}"
    rf"|{_THE_NOUN}\s+(?:(?:is|was|has)\s+(?:already|still|now|itself)|already"
    r"|cannot be|can['’]t be|does(?: not|n['’]t) need)\b"
    r"|(?:there (?:is|are)|has|have) nothing\b.{0,40}\b(?:rewrite|change|mend|missing|needed)"
    r"|nothing\b.{0,40}\b(?:change|rewrite|mend|add)|no re-?writ\w*"
    r"|no changes? (?:\w+ )?(?:needed|required|necessary)\b"
    rf"|(?:todo|tbd|placeholder)\s*:|(?:what|which)\s+{_NOUN}\s+(?:should|would|do|shall|can)\s+(?:i|you)\b"
    rf"|to (?:make|re-?write)\s+(?:it|{_THE_NOUN})\b[^.?!\n]*(?:harder|easier|difficult|challenging|solvable|clearer)"
    rf"|(?:note|explanation|comment|remark|changes?)(?: made)?\s*:\s*[^.?!\n]*\b(?:{_NOUN}|re-?written|added)\b)",
    re.IGNORECASE,
)
# What a remark on a question begins with, and a question on puzzles, texts and changes as well.
_REMARK = re.compile(
    rf"\W*(?:{_I}(?:afraid|unable|not able|not sure|happy|glad)"
    rf"|(?:{_NOT}|(?:i|we)\s+(?:am not|will|would))\s+(?:\w+\s+)?{_ABLE}\b|unfortunately\b"
    rf"|{_THE_NOUN}\s+(?:(?:already|still|now|itself)\s+)?(?:is|are|was|has|have|does|do"
    r"|can|cannot|could|needs?|seems?"
    r"|appears?|remains?|looks?|contains?|lacks?|provided|given)\b(?![^.!]*\?)"
    rf"|(?:there (?:is|are)|has|have) (?:no|nothing)\b.{{0,40}}\b(?:{_NOUN}s?|rewrite|change|mend|missing|needed)"
    rf"|no (?:changes?|{_NOUN})\b|(?:i|we) (?:think|believe)\b[^.?!\n]*\b{_NOUN}\b"
    rf"|please (?:provide|send|share|give|tell)\b[^.?!\n]*\b{_NOUN}\b"
    rf"|let['’]?s (?:make|re-?write|rephrase|change|modify|add)\b)",
    re.IGNORECASE,
)
# A question to who wrote the prompt, or on the text itself.
_ASKS_BACK = re.compile(
    r"\W*(?:how (?:can|may) i (?:help|assist)\b"
    r"|(?:can|could|would) you (?:please )?(?:provide|send|share|give|clarify"
    rf"|tell (?:me|us) (?:more|(?:what|which) (?:you|{_NOUN})|(?:what )?{_THE_NOUN}))\b"
    rf"|(?:is|are|was|can|does) {_THE_NOUN}\b|what (?:is|was) {_THE_NOUN}\W*\Z)",
    re.IGNORECASE,
)
# Behind a question: what was changed, and why.
_TOLD_CHANGES = re.compile(
    rf"[.?!]\W{{1,10}}(?:note|explanation|comment|remark|changes?)(?: made)?\s*:\s*[^.?!\n]*"
    rf"\b(?:{_NOUN} is|re-?written|harder|i (?:added|changed))\b"
    r"|\?\W{1,10}(?:i|we) (?:have |['’]ve )?(?:changed|modified|re-?wrote|added|replaced|increased|made)\b[^?\d]*\Z",
    re.IGNORECASE,
)
_SAID_AGAIN = re.compile(r"(\b\w[^.?!\n]{14,}[.?!])(?:\s*\1){2,}")
_COMMAND = (
    r"(?:find|calculate|compute|determine|solve|evaluate|simplify|prove|show|express|estimate|how|what|which"
    r"|factori[sz]e|factor|expand|state|name|count|list|work out)"
)
_STILL_ASKS = re.compile(
    rf"[?？]|(?:^|[.!,]\s+|\n)\W*(?:(?:please|then|now|and|so|thus|hence|therefore),?\s+)*{_COMMAND}\b"
    r"(?:[^.!?]|\.\d)*[.!]?\W*\Z",
    re.IGNORECASE,
)
_QUANTITY = re.compile(rf"[\d$]|\b(?:{'|'.join(sorted({*UNITS, *SCALES} - {'one'}))})\b", re.IGNORECASE)
_NOTHING = re.compile(
    rf"\W*(?:n\s*/?\s*a|none|null|nil|tbd|tba|todo|nothing|empty|unknown|undefined|nan|string|see above"
    rf"|same(?: as (?:above|before|the original))?|as above|unchanged|original|not applicable|no|yes|ok"
    rf"|done|end|lorem ipsum.*|(?:your|the) (?:answer|response|reply|output|text) (?:goes )?here"
    rf"|(?:{_NEW}|{_NOUN}\s+)*{_NOUN}(?:\s+(?:goes|comes|text|here|above|below|as|is))*)\W*",
    re.IGNORECASE,
)
_BRACKETED = re.compile(
    rf"[\[<{{(]+\s*(?:(?:please\s+)?(?:insert|enter|add|put|write|place|type|fill|provide|replace|paste)\b[^\])}}>\n]*"
    rf"|(?:(?:{_NEW}|{_NOUN}\s+)*{_NOUN}|your\s[^\])}}>\n]*|x{{2,}}|blank|answer|solution|response|reply|name|number"
    rf"|text|value|object|item|unit|person|amount)(?:\s+(?:goes\s+)?(?:here|\d+|[a-c]))?)\s*[\])}}>]+",
    re.IGNORECASE,
)
_BRACED_NAME = re.compile(r"(?<![\\\w}^_])(?:\{\{\s*\w+\s*\}\}|\{(?:[a-z]+_)?(?:question|problem|input|prompt|text)\})")
_PLAIN_BRACES = re.compile(r"(?<=\s)\{[a-zA-Z]\w*\}(?=[\s.,;?!])")  # "and eats {n}", in a text without formulas
_SECOND_LABEL = re.compile(
    rf"^[\s*#>_]*(?:the\s+)?(?:original|re-?written|new|modified|revised|updated|harder|improved)\s+{_NOUN}\s*[*_]*\s*:"
    rf"|\b(?:re-?written|rephrased|modified|revised)\s+{_NOUN}\s*[*_]*:|[.?!]\s+[*_]*{_NOUN}\s*#?\d+\s*[*_]*:"
    r"|\A\W*(?:difficulty|level|topic|category|subject)(?:\s+level)?\s*[*_]*:[\s*_]*\w+(?:\s\w+){0,3}[\s*_]*\n",
    re.IGNORECASE | re.MULTILINE,
)
_TAG = re.compile(
    r"</?(?:question|answer|problem|solution|rewrite|rewritten|think|thinking|response|reply|user|assistant|system"
    r"|instruction|prompt|input|output|example|final)s?\s*/?>",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"^[\s*#>_]*(?:user|assistant|human|system|ai|instructions?|response|reason(?:ing)?"
    r"|(?:in|out)put(?!\s*[*_]*\s*:\s*(?=[^\n]*\d)(?:[^a-z\n]|\b[a-z]\b|\b(?:in|out)put\b)+$))"  # but of numbers
    r"\s*[*_]*\s*:",
    re.IGNORECASE | re.MULTILINE,
)
_INSTRUCTION = re.compile(
    rf"^[\s*#>_\"'“]*(?:please\s+|now\s+|task:\s*|first,?\s+)*(?:re-?write|rephrase|reword|make|modify|mend|change|revise"
    rf"|improve|adapt|convert|transform|fix|turn|restate|paraphrase|create|generate|write|compose|design|invent|translate"
    rf"|edit|update|produce|provide|give)\b(?:\s+(?:me|us))?\s+{_NEW}*{_NOUN}\b"
    rf"|\bdo not (?:answer|solve) (?:it|the {_NOUN}|this {_NOUN})\b"
    rf"|\bwrite the {_NEW}*{_NOUN}s? (?:between|inside|in|within)"
    rf"|\b(?:output|return|reply with|respond with|provide) only the {_NEW}*{_NOUN}\b"
    rf"|\bone clear thing is asked for\b|\bstill has exactly one answer\b|\bneeds one or two more steps\b"
    rf"|\bso that it (?:can be solved|is (?:harder|solvable|more difficult))\b",
    re.IGNORECASE,
)
LABEL = re.compile(
    rf"[\s*#>_\"'“\[(]*(?:{_NEW}|my\s+)*(?:{_NOUN}|q)\s*(?:(?:no\.?|number|#)?\s*\d*\s*)?[*_\])]*\s*[:：][\s*_]*",
    re.IGNORECASE,
)
_ASKING = re.compile(
    r"[?？]|\b(?:find|calculate|compute|determine|solve|evaluate|simplify|prove|show|what|which|who|when|where|how|whose"
    r"|express|factor|factori[sz]e|expand|graph|plot|sketch|draw|write|state|give|list|name|identify|verify|estimate"
    r"|approximate|convert|round|describe|explain|compare|order|arrange|complete|fill|count|construct|use|let|derive"
    r"|differentiate|integrate|minimi[sz]e|maximi[sz]e|divide|multiply|add|subtract|reduce|choose|select|decide"
    r"|suppose|rationali[sz]e|enter|answer|tell|check|work out|predict|rewrite|classify|represent|locate|obtain|deduce"
    r"|establish|apply|indicate|perform|combine|normali[sz]e|diagonali[sz]e|bisect|prove)\b|=\s*[\"'$)\]]*\s*$|_{2,}|\\boxed"
    # Amid a sentence these ask for nothing: "there are 4 pizzas".
    r"|(?:^|[.!:;,]\s+|\n)\W*(?:and\s+|so\s+)?(?:is|are|do|does|can|will)\b|\b(?:is|are|equals|equal to)\W*\Z",
    re.IGNORECASE,
)
_FORMULA = re.compile(r"\d\s*(?:[-+*/^×÷−]|\\(?:times|cdot|div|frac|sqrt))|\\(?:frac|sqrt|int|sum|lim)|=")
# Behind these words a sentence goes on.
_OPEN_WORDS = frozenset(
    word
    for line in (
        "a an the and or but nor so then than if when while because since although though unless until whether that",
        "which who whose whom where why how what of to in on at by for from with without into onto over under between",
        "among about against during through per as is are was were be been being has have had does do did will would",
        "can could should may might must he she they we i you his her their our your my its this these those each",
        "every another such both either neither more less fewer most only also too very many much some any no not",
        "there",
    )
    for word in line.split()
)
_END = re.compile(r"[.?!:。？！)\]}$\"'”’%°|=_*>\d²³]|\\[)\]]")
_OPERATOR = re.compile(r"(?:[-+*/×÷−^<,;(\[{&@#~]|\\(?:times|cdot|div|frac|sqrt|left|begin\{\w*\}))$")
_BLANK_AT_END = re.compile(r"(?<=[\s,:=(])_{2,}[\s.]*\Z")  # to be filled in
_CONDITION_WITHOUT_END = re.compile(r"\b(?:if|where|given|such that|when)\b[^.?!=]*=[\s$]*\Z", re.IGNORECASE)
_MONEY = re.compile(r"\$\s?\.?\d|\d\s?\$(?!\s*\$)|\\\$")
_NO_BRACKET = re.compile(r"\\(?:left|right|[Bb]igg?[lr]?)\s*\\?\W|\\[{}()\[\]]")
_BRACKETS = (("(", ")"), ("{", "}"))
_WITHIN = r"(?:[^()\[\]\n]|\([^()\[\]\n]*\)){0,40}"
_HALF_OPEN = re.compile(rf"\({_WITHIN}[,;]{_WITHIN}\]|\[{_WITHIN}[,;]{_WITHIN}\)")  # (3, 5] is an interval
_ELLIPSIS = re.compile(r"(?:\.{2,}|…)[\s\"'”’)]*$")
LEAST_WORDS = 3  # of a question without a formula
LEAST_WORDS_OF_A_STORY = 8  # with fewer, a formula may be the whole question: "(x + 1)(x - 2) in standard form"


def fault_of(text: str) -> str:
    """Return why a text is no whole question of its own, in a few words; "" for one that is."""
    text = text.strip()
    return next((fault for look, fault in _FAULTS if look(text)), "") or half_sentence_in(text)


def says_nothing(text: str) -> bool:
    """Tell whether a text is a placeholder, or a refusal or remark that asks for nothing and has no quantities."""
    text = text.strip()
    if _NOTHING.fullmatch(text) or _BRACKETED.fullmatch(text):
        return True
    return bool(_REFUSAL.match(text) or _REMARK.match(text)) and not (_QUANTITY.search(text) or still_asks(text))


def half_sentence_in(text: str) -> str:
    """Return where a text breaks off, in a few words; "" for one that ends."""
    if _BLANK_AT_END.search(text):
        return ""
    end = text.rstrip("*_ \t\n")
    if _ELLIPSIS.search(end):
        return "it ends in dots"
    if text.count("$") % 2 and not _MONEY.search(text):
        return "a formula is not closed"
    plain = _HALF_OPEN.sub(" ", _NO_BRACKET.sub(" ", end))
    if any(plain.count(opening) > plain.count(closing) for opening, closing in _BRACKETS):
        return "a bracket is not closed"
    if _CONDITION_WITHOUT_END.search(end):
        return "it breaks off behind '='"
    last = WORD.findall(end.rsplit(None, 1)[-1]) if end else []
    if _END.match(end[-1:]) or end.endswith((r"\)", r"\]")):
        return ""
    if _OPERATOR.search(end) or (last and last[-1].lower() in _OPEN_WORDS and len(last[-1]) > 1):
        return f"it breaks off behind {end.rsplit(None, 1)[-1][-20:]!r}"
    sentences = [each for each in re.split(r"(?<=[.?!])\s+", end) if each]
    if len(sentences) > 1 and sentences[-2][-1] in ".?!":
        return f"it breaks off behind {end.rsplit(None, 1)[-1][-20:]!r}"
    return ""


def still_asks(text: str) -> bool:
    """Tell whether a text has a question mark, or its last sentence is a command of mathematics: "Find x."."""
    return bool(_STILL_ASKS.search(text))


def without_label(text: str) -> str:
    """Return a text without the label in front of it: "Question:", "Rewritten problem:", "Problem 3:"."""
    return LABEL.sub("", text, count=1) if LABEL.match(text) else text


def _is_remark(text: str) -> bool:
    """Tell whether a text speaks of a question; one that asks for something, with quantities, is itself a question."""
    if _ASKS_BACK.match(text) and not _QUANTITY.search(text):
        return True
    return bool(_REMARK.match(text)) and not (_QUANTITY.search(text) and still_asks(text))


def _is_nothing(text: str) -> bool:
    if _NOTHING.fullmatch(text):
        return True
    return len(WORD.findall(text)) < LEAST_WORDS and not _FORMULA.search(text) and not re.search(r"\d", text)


def _has_braces(text: str) -> bool:
    return "$" not in text and "\\" not in text and bool(_PLAIN_BRACES.search(text))


def _asks_nothing(text: str) -> bool:
    return not _ASKING.search(text) and not (_FORMULA.search(text) and len(WORD.findall(text)) < LEAST_WORDS_OF_A_STORY)


_FAULTS: tuple[tuple[Callable[[str], object], str], ...] = (
    (_REFUSAL.match, "a refusal or a remark"),
    (_is_remark, "a refusal or a remark"),
    (_BRACED_NAME.search, "leftovers of a template"),
    (_is_nothing, "a placeholder"),
    (_TAG.search, "leftovers of a template"),
    (_BRACKETED.search, "a placeholder"),
    (re.compile(CHAT_MARKER).search, "leftovers of a template"),
    (_ROLE.search, "leftovers of a template"),
    (_SECOND_LABEL.search, "leftovers of a template"),
    (_TOLD_CHANGES.search, "a remark behind it"),
    (_SAID_AGAIN.search, "a sentence is repeated"),
    (_has_braces, "leftovers of a template"),
    (_INSTRUCTION.search, "an instruction"),
    (_asks_nothing, "nothing is asked for"),
)
