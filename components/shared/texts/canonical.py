r"""One canonical form of a question: the same tokens for LaTeX, plain text and Unicode.

``What is $\dfrac{1}{2}$ of 1{,}000?``, ``what is 1/2 of 1000`` and ``What is ½ of one thousand?`` are one sequence.
Left out are layout, labels ("Example 3.2"), instructions on the form of the answer, punctuation and capitals; numbers,
signs, variables and words stay, in their order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from components.shared.texts.instructions import is_instruction, may_instruct
from components.shared.texts.latex import closing_brace
from components.shared.texts.math_answers.number_words import ORDINALS, SCALES, UNITS, read_number
from components.shared.texts.spelling import FUNCTIONS, spell

_PICTURE = re.compile(
    r"\[asy\].*?(?:\[/asy\]|$)|\\begin\{(?:asy|tikzpicture)\}.*?(?:\\end\{\w+\}|$)", re.DOTALL | re.IGNORECASE
)
_LABEL = re.compile(
    r"[\s#>*_\[(]*(?:(?:#\s*)?(?:question|problem|exercise|task)[ \t*_]*\n"
    r"|(?:(?:word|maths?|practice|sample)\s+)?"
    r"(?:example|problem|question|exercise|task|puzzle|challenge|q|ex|prob)(?![a-z])\.?\s*(?:no\.?|number|#)?\s*"
    r"(?:\d++(?:\.\d+)*+[a-z]?(?:\s+of\s+\d+)?|[ivx]+)?(?:\s*\([a-z ]{1,20}\)|\s+statement)?[\s*_\])]*[:.)\]–—-]+"
    r"|(?:hi|hello|hey|dear)(?:\s+(?:there|all|everyone))?\s*[,!.]"
    r"|(?:instruction|input|user|human|no\.?\s*\d+)\s*:"
    r"|(?:example|problem|question|exercise)\s+\d+(?:\.\d+)*"
    r"|\(?(?:\d{1,3}|[a-h]|[ivx]{1,4})[.)](?=\s+[^\W\d]))[\s*_:.)\]-]*",
    re.IGNORECASE,
)
# What stands around a question in a test: its points, the competition that it is of.
_AROUND = re.compile(
    r"[(\[]\s*(?:\d+\s*(?:points?|pts?|marks?)|easy|medium|hard)\s*[)\]]"
    r"|^[ \t]*[-*_=~]{3,}[ \t]*$"
    r"|[(\[](?=[^()\[\]]*\b(?:AMC|AHSME|AIME|USAMO|IMO|Putnam|MATHCOUNTS|HMMT|Olympiad)\b)[^()\[\]]{1,60}[)\]]",
    re.IGNORECASE | re.MULTILINE,
)
_MARKS = re.compile(r"(?<=[.?])[?!]+")  # of emphasis
_EMPTY_HEADING = re.compile(r"(?<=[.?!])[\s*_#]*(?:solution|answer|ans)\s*[:.]*[\s*_]*\Z", re.IGNORECASE)
_QUOTED = re.compile(r"\s*(?:>\s*|[•*-]\s+(?=[^\W\d]))")  # signs of Markdown in front of the question
LONGEST_HEADING = 30  # characters
DEEPEST = 50  # braces within braces: a generator that repeats itself opens hundreds
_INSTRUCTION = re.compile(
    r"step[- ]by[- ]step|\\boxed|\bboxed\b|final answer|show (?:all )?(?:your|of your) (?:work|steps)|show all steps"
    r"|explain your (?:reasoning|answer)|justify your answer|let'?s think"
    r"|(?:solve|answer|consider) the (?:following|[a-z ]{0,12}\w below)"
    r"|you are an? \w+|\bround\b[^.]*\bif (?:needed|necessary)\b"
    r"|give (?:only )?(?:your|the) answer\b|the answer (?:should|must) be|write your answer"
    r"|your (?:final )?answer (?:should|must) be an? (?:single |exact |positive |whole )*"
    r"(?:integer|number|fraction|decimal|value)\b"
    r"|(?:provide|give|write|show) (?:me )?(?:an? |your |the )?(?:detailed|full|complete|clear|worked)"
    r" (?:solution|explanation)"
    r"|\banswer with (?:only )?(?:a|the|one) (?:single )?(?:number|word|letter)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?:(?<=[.!?:])\s+|\n+)")
_SPELT_END = re.compile(  # "5! + 3" does not end there, nor does "Mr. Dunn"
    r"(?:(?<=[^\W\d_]{2})!+|(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bSt)[.?;]+)[\"')]*(?:\s+|$)"
)
_SIGNS = {"<=": r"\leq ", ">=": r"\geq ", "!=": r"\neq ", "**": "^", "->": r"\to "}
_PRIME = re.compile(r"\s*\^\s*\{?\s*\\prime\s*\}?")
_SIGN = re.compile("|".join(map(re.escape, _SIGNS)))
_EMPHASIS = re.compile(r"(?<!\w)(\*\*|__|\*|_|`)(?=\S)([^*`\n]+?)(?<=\S)\1(?!\w)")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:(?:,|\s)\d{3})+(?![\d,])")
_WHOLE_DOLLARS = re.compile(r"(?<=\$)(\s?\d[\d,]*)\.00(?![\d$])|(?<![\d.,])(\d[\d,]*)\.00(?=\s(?:dollars|bucks)\b)")
_ON_DIGITS = re.compile(r"significant|decimal|digit", re.IGNORECASE)  # of these $3.00 has others than $3
_WORDS = {
    "leq": "<=", "geq": ">=", "neq": "!=", "times": "*", "cdot": "*", "div": "/", "infty": "infinity", "to": "->",
    "rightarrow": "->", "circ": "degree", "degrees": "degree", "percent": "%", "emptyset": "empty", "mid": "|",
    "approx": "~", "plus": "+", "ldots": "",
}  # fmt: skip
# Dashes of prose: a spaced one behind a word, one inside of a compound; "a 5-year-old" is no subtraction.
_DASH = re.compile(r"(?<=[^\W\d_]{2})\s+-+\s+|(?<=[^\W\d_]{2})-+(?=[^\W\d_]{2})|(?<=\d)-(?=[^\W\d_]{3})")
# Commands that say how something looks; their names may be English words, as those of no backslash are.
_LOOKS = frozenset(
    (r"\begin", r"\end", r"\mathbb", r"\mathcal", r"\vec", r"\hat", r"\hline", r"\overline", r"\item", r"\text")
)
_SINGLE = re.compile(r"\s*(?:[\d.]+|[^\W\d_]+|\\[a-zA-Z]+)\s*")
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[^{}]*\}(?:\s*\{[lcr|\s]*\})?")
_PERIOD = re.compile(r"(\d\.\d*)\s*\\overline\s*\{(\d+)\}")
_TOKEN = re.compile(
    r"\d+(?:\.\d+)?|\.\d+|[^\W\d_](?:'+(?![^\W\d_])|[^\W\d_]*(?:'[^\W\d_]+)*)|<=|>=|!=|->|[-+*/^_=<>!%|()\[\]~]"
)
_OPENING, _CLOSING = frozenset("(["), frozenset(")]")
_PROSE_SIGNS = frozenset("!~_/|")
_FORMULA_WORDS = FUNCTIONS | {"sqrt", "pi", "infinity"}


def canonical_tokens(text: str) -> list[str]:
    """Return the tokens of a question's canonical form."""
    return tokens_in(spelt(text))


def canonical_key(text: str, tokens: Sequence[str] = ()) -> str:
    """Return what two spellings of one question share: its canonical form or, of a text that has none, its words.

    ``tokens``: those of its canonical form, where they were read already.
    """
    return "\0".join(tokens or canonical_tokens(text) or text.split())


def canonical_sentences(text: str) -> list[str]:
    """Return a question's sentences as ``spelt`` writes them; ``tokens_in`` reads each one."""
    return [sentence for sentence in _SPELT_END.split(spelt(text)) if sentence]


def spelt(text: str) -> str:
    """Return a question in one line with one spelling for each formula; its words and capitals are as they were."""
    text = bare(text)
    if "&" in text and "\\" not in text:
        text = text.replace(" & ", " and ")
    if ".00" in text and not _ON_DIGITS.search(text):
        text = _WHOLE_DOLLARS.sub(r"\1\2", text)
    if r"\prime" in text:
        text = _PRIME.sub("'", text)
    text = _SIGN.sub(lambda sign: _SIGNS[sign[0]], _EMPHASIS.sub(r"\2", text))
    text = _DASH.sub(" ", spell(text))
    text = _THOUSANDS.sub(lambda number: re.sub(r"[,\s]", "", number[0]), text)
    if "\\" in text or "{" in text:
        text = _linear(_ENVIRONMENT.sub(" ", _PERIOD.sub(r"\1 recurring \2 ", text)))
    return text


def tokens_in(spelt_text: str) -> list[str]:
    """Return the tokens of a text, or of one sentence of it, that ``spelt`` wrote."""
    named = (_WORDS.get(token, token) for token in _TOKEN.findall(spelt_text.casefold()))
    tokens = _with_digits([token for token in named if token])
    return _without_idle_signs(_without_idle_brackets(tokens))


def without_pictures(text: str) -> str:
    """Return a text without the code that draws its figures."""
    return _PICTURE.sub(" ", text)


def bare(text: str) -> str:
    """Return the question without pictures, its label, and sentences that say how to answer."""
    text = without_pictures(text)
    text = _MARKS.sub("", _AROUND.sub(" ", text))
    if heading := _EMPTY_HEADING.search(text, max(len(text) - LONGEST_HEADING, 0)):
        text = text[: heading.start()]
    if quoted := _QUOTED.match(text):
        text = text[quoted.end() :]
    if label := _LABEL.match(text):
        text = text[label.end() :] or text
    if not (may_instruct(text) or _INSTRUCTION.search(text)):
        return text
    sentences = [
        sentence
        for sentence in _SENTENCE.split(text)
        if not _INSTRUCTION.search(sentence) and not is_instruction(sentence)
    ]
    rest = " ".join(sentences)
    return rest if any(map(str.isalnum, rest)) else text


def _linear(text: str, depth: int = 0) -> str:
    r"""Write commands with arguments in one line: ``\frac{a+1}{b}`` is ``( a+1 ) / b``; deeper as they stand."""
    parts, position = [], 0
    while (found := _NEXT.search(text, position)) is not None:
        parts.append(text[position : found.start()])
        sign, position = found[0], found.end()
        if sign in _PREFIXED and depth < DEEPEST:
            arguments, position = _arguments(text, position, _PREFIXED[sign][0], depth)
            parts.append(f" {_PREFIXED[sign][1](*arguments)} ")
        else:
            parts.append(f" {sign[1:]} " if sign.startswith("\\") and sign not in _LOOKS else " ")
    parts.append(text[position:])
    return "".join(parts)


def _arguments(text: str, position: int, number: int, depth: int) -> tuple[list[str], int]:
    arguments = []
    for _ in range(number):
        while text[position : position + 1] == " ":
            position += 1
        if text[position : position + 1] == "{":
            close = closing_brace(text, position + 1)
            close = close if close >= 0 else len(text)
            arguments.append(_group(_linear(text[position + 1 : close], depth + 1)))
            position = close + 1
        else:
            arguments.append(text[position : position + 1])
            position += 1
    return arguments, position


def _group(text: str) -> str:
    return text if _SINGLE.fullmatch(text) else f"({text})"


_NEXT = re.compile(r"\\[a-zA-Z]+|\\[^a-zA-Z]|[\^_]|[{}]")
_PREFIXED: dict[str, tuple[int, Callable[..., str]]] = {
    r"\frac": (2, "{} / {}".format),
    r"\binom": (2, "binom {} {}".format),
    r"\sqrt": (1, "sqrt {}".format),
    "^": (1, lambda power: " degree " if power.strip() == "circ" else f"^ {power}"),
    "_": (1, "_ {}".format),
}


def _with_digits(tokens: list[str]) -> list[str]:
    """Return the tokens with numbers in words as digits: twenty, one hundred, five."""
    if _NUMBER_WORDS.isdisjoint(tokens) and _PLACES.keys().isdisjoint(tokens) and _ENDINGS.isdisjoint(tokens):
        return [_plain_number(token) for token in tokens]
    result: list[str] = []
    position = 0
    while position < len(tokens):
        count, value = _number_at(tokens, position)
        result += value if count else _in_digits(tokens[position], result[-1] if result else "")
        position += count or 1
    return result


def _in_digits(token: str, before: str) -> list[str]:
    """Return one token with a place in digits: tenth, 10th; behind an article or a number it is a part, "a tenth"."""
    if token in _ENDINGS and before.isdigit():
        return ["th"]
    if token in _PLACES and before not in ("a", "an", "/") and not before[-1:].isdigit():
        return [_PLACES[token], "th"]
    return [_plain_number(token)]


_NUMBER_WORDS = frozenset(UNITS) | frozenset(SCALES)
_ENDINGS = frozenset(("st", "nd", "rd", "th"))
# Not "first", which seldom counts, nor "second", a unit of time.
_PLACES = {word: str(value) for word, value in ORDINALS.items() if word not in ("first", "second")}


def _number_at(tokens: list[str], position: int) -> tuple[int, list[str]]:
    """Return how many tokens from here on are a number in words, and its digits."""
    if tokens[position] not in _NUMBER_WORDS and not (
        tokens[position][0].isdigit() and position + 1 < len(tokens) and tokens[position + 1] in SCALES
    ):
        return 0, []
    run = tokens[position : position + 12]
    found = read_number(" ".join(run))
    if found is None:
        return 0, []
    rest = len(re.findall(r"\S+", found[1]))
    value = found[0]
    digits = [str(value.numerator)] if value.denominator == 1 else [str(value.numerator), "/", str(value.denominator)]
    is_place = value.denominator == 1 and run[len(run) - rest - 1] in ORDINALS
    return len(run) - rest, [*digits, "th"] if is_place else digits


def _plain_number(token: str) -> str:
    """Return a number in digits without leading zeros: .5 is 0.5, 007 is 7."""
    if token.isascii() and token[-1:].isdigit():
        whole, dot, places = token.partition(".")
        return (whole.lstrip("0") or "0") + dot + places
    return token


def _without_idle_brackets(tokens: list[str]) -> list[str]:
    """Return the tokens without brackets around a single one, or around words."""
    idle: set[int] = set()
    opened: list[int] = []
    for place, sign in enumerate(tokens):
        if sign in _OPENING:
            opened.append(place)
        elif sign in _CLOSING:
            start = opened.pop() if opened else place
            inside = [tokens[index] for index in range(start + 1, place) if index not in idle]
            if (
                len(inside) < 2
                or _is_power(inside, tokens[start - 1 : start], tokens[place + 1 : place + 2])
                or any(len(each) > 2 and each.isalpha() for each in inside)
            ):
                idle |= {start, place}
    idle.update(opened)
    return [sign for place, sign in enumerate(tokens) if place not in idle]


def _is_power(inside: Sequence[str], before: Sequence[str], behind: Sequence[str]) -> bool:
    """Tell whether brackets hold one power that needs none: (x^3)/x, not sin(x^3) or (x^3)^2."""
    if len(inside) != 3 or inside[1] != "^" or behind == ["^"]:
        return False
    word = before[0] if before else ""
    return word != "^" and word not in _FORMULA_WORDS and not (len(word) == 1 and word.isalpha())


def _without_idle_signs(tokens: list[str]) -> list[str]:
    """Return the tokens without signs of prose, and without each * that plain writing leaves out."""
    around = ["", *tokens, ""]
    triples = zip(around, around[1:], around[2:], strict=False)
    return [sign for before, sign, after in triples if sign and not _is_idle(sign, before, after)]


def _is_idle(sign: str, before: str, after: str) -> bool:
    if sign == "-":
        return not _is_term(after)
    if sign == "*":
        return not (before[-1:].isdigit() and after[:1].isdigit())
    return sign in _PROSE_SIGNS and not _is_term(before) and not _is_term(after)


def _is_term(token: str) -> bool:
    """Tell whether a token is of a formula: a number, a variable, a sign, a function."""
    return token[:1].isdigit() or len(token) == 1 or token in _FORMULA_WORDS
