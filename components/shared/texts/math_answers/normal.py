r"""An answer reduced to its value: without ``$``, "The answer is" and emphasis; Python's spellings become LaTeX's."""

from __future__ import annotations

import re
from functools import lru_cache

from components.shared.texts.latex import closing_brace
from components.shared.texts.math_answers.chinese import in_english
from components.shared.texts.math_answers.parts import in_round_marks
from components.shared.texts.math_answers.primes import with_plain_primes
from components.shared.texts.math_answers.regions import with_round_brackets
from components.shared.texts.next_question import CHAT_MARKER
from components.shared.texts.spelling import FUNCTIONS, spell

MAX_CHARS = 2000  # a longer text is not an answer, and equals only itself

_EMPHASIS = re.compile(r"(\*\*|\*|__|_|`)(?=\S)((?:(?!\1).)+?)(?<=\S)\1", re.DOTALL)
_THEN = r"(?:so|thus|hence|therefore|finally)\b\s*,?"
_STRONG = re.compile(r"(?<![^\s])\*\*(?=[^\s*])([^*]+)(?<=\S)\*\*(?![^\s.,])")
_LEAD_IN = re.compile(
    rf"(?P<text>\\text\s*\{{\s*)?(?:####|(?:{_THEN}\s*)?(?:(?:the|our|my|final|correct|required|numerical)\s+)*"
    r"(?:answer|ans|result|value|solution)(?:\s+is\b|\s*[:=])+"
    rf"|{_THEN}|(?:it is|there are|we get|we have|approximately|about|exactly|roughly)\b|\\approx(?![a-z]))"
    r"\s*:?\s*(?P<end>\})?\s*",
    re.IGNORECASE,
)
_DOLLAR = re.compile(r"(?<!\\)\$")
_THOUSANDS_SPACE = re.compile(r"(?<![\d.,_^{])(\d{1,3})((?: \d{3})+)(?![\d])(?! ?[/\d])")
_THOUSANDS_QUOTE = re.compile(r"(?<![\d.,])(\d{1,3})((?:'\d{3})+)(?!\d)")
_THOUSANDS_POINT = re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3}){2,}(?![\d.])")
_THOUSANDS_LINE = re.compile(r"(?<![\w.])\d{1,3}(?:_\d{3})+(?!\w)")  # Python's 1_000_000
_END = re.compile(CHAT_MARKER)  # a model's own end, left behind its answer
_CIRCLED = re.compile("[①-⑳]+")  # several statements: ①③ is no 13
_BARE_INFIX = re.compile(r"[^{}]*\\(?:over|choose)(?![a-zA-Z])[^{}]*")
_JOINED = re.compile(r"\\text\s*\{([^{}]*\w)\s+(and|or)\s*\}")  # \text{ cm or }
_UNIT_IN_BRACKETS = re.compile(r"(?<=\d)\s*\(\s*([a-zA-Z]{2,}(?: [a-zA-Z]+)*)\s*\)\Z")  # ASDiv's "10 (cm)"
_REMAINDER = re.compile(r"(?<=\d)\s*(?:\\text\s*\{\s*)?,?\s*(?:R|remainder|(?<=\s)r(?=\s))\.?\s*\}?\s*(?=\d)")
_ORDINAL = re.compile(r"(?<=\d)\s*(?:\^\{\s*)?(?:\\text\s*\{\s*)?(?:st|nd|rd|th)(?![a-z])\s*\}{0,2}")
_PLAIN_SET = re.compile(r"\{(\s*\\?[a-zA-Z]+\s*(?:\\in[^|{}]*)?(?:\\mid|\||:).*)\}")
_POWER = re.compile(r"\*\*\s*(?:\(\s*(-?\w+)\s*\)|(-?\w+)|)")
_TIMES_TEN = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)")
_PLAIN_ROOT = re.compile(
    r"(?<![\\a-zA-Z])(sqrt|cbrt)\s*(?:\(((?:[^()]|\([^()]*\))*)\)|\{([^{}]*)\}|(\d+|[a-z](?![a-z])))"
)
_NAMES = {"infinity": "infty", "inf": "infty", "oo": "infty", "infty": "infty"}
_GREEK = ("pi", "theta", "alpha", "beta", "gamma", "lambda", "phi", "omega", "sigma")
_NO_COMMANDS = frozenset(("mod", "arg", "sup", "deg", "dim", "max", "min", "lim", "cis"))  # words as well
_PLAIN_NAME = re.compile(
    rf"(?<![\\a-zA-Z{{])({'|'.join(sorted({*_GREEK, *_NAMES, *FUNCTIONS} - _NO_COMMANDS, reverse=True))})(?![a-zA-Z])"
)
_RELATION = {"<=": r"\leq ", ">=": r"\geq ", "!=": r"\neq ", "=<": r"\leq ", "==": "=", "<>": r"\neq "}
_RELATION_SIGN = re.compile("|".join(map(re.escape, _RELATION)))
_WISH = re.compile(r"\.?\s*I hope (?:it|this) is correct\.?$", re.IGNORECASE)  # of prompts with Minerva's examples
_UNIT_SIGN = re.compile(r"(?<=[\d}])\s*\\(?:(Omega)(?![a-zA-Z])|mu\s*\\text\s*\{\s*)")
_DEGREES = re.compile(r"(?<=\d)\s*(?:\\deg(?![a-z])|\^\{(?:o|\\text\s*\{o\}|\s*\^\{\\circ\}\s*)\})")
_LG = re.compile(r"\\lg(?![a-zA-Z])")
_BARE_SET = re.compile(r"\\mathbb\s*([A-Z])")
_POWER_IN_BRACKETS = re.compile(r"\^\s*\(((?:[^()]|\([^()]*\))*)\)")
_FACTORIAL_EQUALS = re.compile(r"(?<=\d)!\s*=")  # 5!=120 has no "not equal" of Python
_ANSWERED = re.compile(
    r"(yes|no|true|false)\b[,.;]?\s+(?:(?:it|they|he|she|this|that|there|is|are|does|do|can|has|not)\b\s*)+\.?",
    re.IGNORECASE,
)
_ANGLES = re.compile(r"<([^<>=]*,[^<>=]*)>")
_WHOLE_TEXT = re.compile(r"\\text\s*\{([^{}]*)\}")
_BLANKS = re.compile(r"\s+")


@lru_cache(maxsize=4096)
def normalize_answer(text: str) -> str:
    r"""Return an answer in one spelling, without what does not change its value: spacing, ``$``, "The answer is"."""
    if len(text) > MAX_CHARS or (text.isascii() and text.isdigit()):
        return text.strip()
    if "<" in text:
        text = _END.split(text, maxsplit=1)[0] or text
    text = in_english(text)
    text = _CIRCLED.sub(lambda run: ", ".join(run[0]), text)
    text = f"{{{text}}}" if _BARE_INFIX.fullmatch(text) else text
    text = _THOUSANDS_LINE.sub(lambda number: number[0].replace("_", ""), text)
    text = _POWER_IN_BRACKETS.sub(r"^{\1}", _POWER.sub(_power, _without_emphasis(text)))
    text = _PLAIN_SET.sub(r"\\{\1\\}", text) if text.startswith("{") else text
    text = _UNIT_SIGN.sub(lambda sign: r"\text{ ohm}" if sign[1] else r"\text{ micro", spell(text))
    text = _outside(_without_dollars(_WISH.sub("", text)))
    text = _UNIT_IN_BRACKETS.sub(r" \1", _JOINED.sub(r"\\text{\1}\\text{ \2 }", text))
    text = _without_lead_in(text)
    if whole := _WHOLE_TEXT.fullmatch(text):
        text = _without_lead_in(whole[1].strip())
    if answered := _ANSWERED.fullmatch(text):
        text = answered[1]
    text = _THOUSANDS_SPACE.sub(lambda number: number[0].replace(" ", ""), text)
    text = _THOUSANDS_QUOTE.sub(lambda number: number[0].replace("'", ""), text)
    text = _THOUSANDS_POINT.sub(lambda number: number[0].replace(".", ""), text)
    text = _ORDINAL.sub("", _REMAINDER.sub(" R ", text))
    text = _ANGLES.sub(r"\\langle \1\\rangle ", text)
    text = _FACTORIAL_EQUALS.sub("! =", _DEGREES.sub(r"^{\\circ}", text))
    if "<" in text or ">" in text or "!=" in text or "==" in text:
        text = _RELATION_SIGN.sub(lambda sign: _RELATION[sign[0]], text)
    text = _TIMES_TEN.sub(r" \\times ", text).replace("*", r" \cdot ")
    text = _BARE_SET.sub(r"\\mathbb{\1}", text)
    text = _PLAIN_ROOT.sub(_root, with_plain_primes(_LG.sub(r"\\log_{10} ", text)))
    text = _PLAIN_NAME.sub(lambda name: rf"\{_NAMES.get(name[1], name[1])} ", text)
    return with_round_brackets(in_round_marks(_outside(_BLANKS.sub(" ", text))))


def _power(found: re.Match[str]) -> str:
    exponent = found[1] or found[2]
    return f"^{{{exponent}}}" if exponent else "^"


def _root(found: re.Match[str]) -> str:
    index = "[3]" if found[1] == "cbrt" else ""
    return rf"\sqrt{index}{{{found[2] or found[3] or found[4] or ''}}}"


def _without_emphasis(text: str) -> str:
    text = text.strip()
    while (found := _EMPHASIS.fullmatch(text)) or (found := _EMPHASIS.fullmatch(text.rstrip("."))):
        text = found[2].strip()
    return _STRONG.sub(r"\1", text)


def _without_lead_in(text: str) -> str:
    while lead_in := _LEAD_IN.match(text):
        if bool(lead_in["text"]) < bool(lead_in["end"]):
            return text
        opened = lead_in["text"] if lead_in["text"] and not lead_in["end"] else ""
        shorter = _outside(opened + text[lead_in.end() :])
        if not shorter:
            return text
        text = shorter
    return text


def _without_dollars(text: str) -> str:
    r"""Remove ``$`` around formulas; if it only stands before numbers, it is a currency and stays."""
    behind = [text[found.end() : found.end() + 1] for found in _DOLLAR.finditer(text)]
    if len(behind) % 2 or all(map(str.isdigit, behind)):
        return text
    return _DOLLAR.sub(" ", text)


def _outside(text: str) -> str:
    r"""Remove what ends a line, and braces around the whole."""
    before = None
    while before != text:
        before = text
        text = text.strip(" ~").removesuffix("\\\\").rstrip(" ,;:" if not text.endswith("\\") else "")
        if text.endswith(".") and not text.endswith(("..", ".m.")):
            text = text[:-1]
        if text.startswith("{") and _closes_at_end(text):
            text = text[1:-1]
        if text.startswith("$") and text.endswith("$") and text.count("$") == 2:
            text = text[1:-1]
    return text


def _closes_at_end(text: str) -> bool:
    return closing_brace(text, 1) == len(text) - 1
