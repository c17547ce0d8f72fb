r"""The final answer of a reply: the content of its last ``\boxed{…}``, or of its last ones, part by part."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from components.shared.texts.latex import INSIDE, closing_brace, next_token
from components.shared.texts.math_answers.box_links import linked
from components.shared.texts.math_answers.comparison import compare
from components.shared.texts.math_answers.normal import normalize_answer
from components.shared.texts.math_answers.verdicts import Verdict
from components.shared.texts.next_question import next_question

MAX_SIDE = 200  # characters before a box that are looked at
MAX_BEHIND = 60  # and behind it
MAX_BOX = 5000  # characters in a box
MAX_BOXES = 200  # a reply with more of them repeats itself without end
# MATH writes \fbox in some solutions, and models that were trained on it do so too.
BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-zA-Z])\s*(\{?)")
_EMPTY = re.compile(r"(?:\\[,;:! ]|\\quad|~|\s|\$)*")
_BLANK = r"\\[hv]space\*?\s*\{[^{}]*\}|\\rule\s*\{[^{}]*\}\s*\{[^{}]*\}"  # a line to write on
_PLACEHOLDER = re.compile(
    rf"(?:{_BLANK}|\\underline\s*\{{(?:{_BLANK}|\\q?quad(?![a-z])|[_.\s~])*\}}"
    r"|\\phantom\s*\{[^{}]*\}|[.…?_\s*-]|\\[lcdv]?dots[a-z]?|\\_|\\(?:square|Box|blacksquare|bigcirc)(?![a-zA-Z])"
    r"|\\[,;:! ])+"
    r"|[<\[{(]*(?:(?:your|the|my|insert|final|correct|numerical|actual|answer|ans|result|solution|value|number|here|goes"
    r"|is|in|this|box|boxed|content|expression|placeholder|xxx?)[\s_]*)+[.…]*[>\]})]*",
    re.IGNORECASE,
)
_TEXT = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|emph)\s*\{([^{}]*)\}")
_NO_ANSWER = re.compile(r"[\s$]*(?:n/a|not applicable)[\s$.]*", re.IGNORECASE)
_THOUGHT = re.compile(r"<(/?)(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_OTHER_TAG = re.compile(r"(?:<\||◁)(begin_of_|end_of_|/?)(?:(thought|think)|solution)(?:\|>|▷)")
_WHOLE_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>(?:(?!<\1>).)*?</\1>", re.IGNORECASE | re.DOTALL)

# Between two boxes of one answer stand separators, the name of the next part, or words of the same sentence.
_SEPARATOR = (
    r"(?:[\s$&,;|]|\\[,;:! ()\[\]]|\\\\|\\q?quad(?![a-zA-Z])|\b(?:and|or|by)\b|\\(?:text|mathrm)\{\s*(?:and|or)\s*\}|~)"
)
_NAME = r"(?:\\?[a-zA-Z]+(?:_\{?\w+\}?|\([a-z]\)|')?\s*&?\s*=\s*&?)"
_NEXT_PART = re.compile(rf"{_SEPARATOR}*(?:[-*•]\s*{_SEPARATOR}*)?(?:{_NAME}{_SEPARATOR}*)?")
_LABEL = r"([^\W\d_][^\n:.]{0,30}):[\s*$]*(?:\\[(\[])?\s*"
_NEXT_LABEL = re.compile(rf"[^\n.:]{{0,12}}[.;][ ]+\**{_LABEL}")
_LABELLED = re.compile(rf"(?:^|[.;\n])[\s*•-]*{_LABEL}$")
# What a later label works out of an earlier one: of "Base: 4. Height: 9. Area: 36." the area is the answer.
_DERIVED = tuple(
    (frozenset(known.split()), frozenset(derived.split()))
    for known, derived in (
        ("base height width length breadth depth side radius diameter", "area volume perimeter circumference"),
        ("sum total", "mean average"),
        ("outcomes ways cases numerator denominator", "probability fraction"),
    )
)
# A stage on the way and a result are whole labels: "Initial guess", but not "The initial velocity" or "Check-in time".
_FORM = (
    r"(?:answers?|results?|solutions?|forms?|fractions?|expressions?|steps?|calculations?|estimates?|approximations?)"
)
_AMOUNT = r"(?:values?|amounts?|prices?|costs?|numbers?|counts?|totals?)"
_TRIAL = r"(?:(?:sanity|quick|first|initial|final|another)\s+)*(?:check(?:ing)?|verif\w*|examples?|steps?|stages?)"
_WITH = r"(?:\s+(?:by|with|using|of|for|in|at)\s[^\n.;:]{1,30})?"
_BEGINS = r"(?:^|[^\w\s'’-]|\n[\s*•-]{0,8}|\b(?:the|our|my|its|an?|and|or|as|in|get|have|find)\b)[\s*]{0,8}"
_ENDS = r"(?:\s*(?:\d{1,2}|one|two|three))?(?:\s*\([^()\n]{1,20}\))?[\s*]{0,8}:[\s*$]*(?:\\[(\[])?\s*$"
_STAGE = re.compile(
    rf"{_BEGINS}(?:{_TRIAL}{_WITH}|(?:(?:initial|rough|first)\s+)?(?:guess|estimate|try|attempt|draft)|hint|given|subtotal"
    rf"|discriminant|simplif\w*|initial(?:\s+{_FORM})?"
    rf"|(?:intermediate|partial|exact|simplified|estimated?)(?:\s+(?:{_FORM}|{_AMOUNT}))?){_ENDS}",
    re.IGNORECASE,
)
_RESULT = re.compile(
    rf"{_BEGINS}(?:{_TRIAL}{_WITH}|results?|percentage|percent"
    rf"|(?:final|decimal|simplest)(?:\s+(?:{_FORM}|{_AMOUNT}))?){_ENDS}",
    re.IGNORECASE,
)
_IN_TOTAL = re.compile(r"[\s$]*(?:[a-z]+\s+)?(?:in (?:total|all)|altogether)\b", re.IGNORECASE)
_NEXT_LINE = re.compile(rf"[^\n.]{{0,12}}\.?\n[-*•\s]*{_LABEL}")
_OR = re.compile(r"\bor\b")
_RATIO = re.compile(r"[\s$]*:[\s$]*")
_CONNECTED = re.compile(r"[^.!?\n]{0,80}?(?:,|;|\band\b|\bor\b|&)[^.!?\n]{0,80}")
_CORRECTED = re.compile(
    r"\b(?:so|thus|hence|therefore|then|now|which|gives?|giving|means?|meaning|no|not|wait|but|actually|rather|simplif\w*"
    r"|reduc\w*|equivalent\w*|equals?|i\.e|that is|instead|correct\w*|finally|answer|again|approx\w*|round\w*|about"
    r"|also|because|since|from|add\w*|subtract\w*|plus|minus|times|multipl\w*|divid\w*|total|altogether|leav\w*|yield\w*"
    r"|get|obtain\w*|substitut\w*|plug\w*)\b|=>|\\(?:R|r|Longr)ightarrow|\\implies|\\approx|\\to(?![a-zA-Z])|≈|⇒|→|\d",
    re.IGNORECASE,
)
_PART_LABEL = re.compile(
    r"^[ \t*#>-]*(?:part\s+)?\(?([a-h]|[1-9]|i{1,3}|iv|v)[).:]{1,2}(?=[\s*])", re.IGNORECASE | re.MULTILINE
)
_LABELS = ("abcdefgh", "123456789", ("i", "ii", "iii", "iv", "v"))

# Sign, factor and power that stand before or behind the box, in the same side of the same formula.
_SIDE = re.compile(r"\$|\\[(\[]|[=<>≈:&]|\\(?:approx|leq?|geq?|implies|(?:R|r)ightarrow)(?![a-zA-Z])")
_FACTOR = (
    r"(?:\d+(?:\.\d+)?|\\[dt]?frac(?:\{[^{}]*\}\{[^{}]*\}|\d\d)|\\sqrt\{[^{}]*\}"
    r"|\\(?:pi|ln|log|sin|cos|tan)(?![a-zA-Z])|\d+/\d+)"
)
_BEFORE = re.compile(rf"\s*((?:[-+−]|\\pm(?![a-z]))?\s*{_FACTOR}?)\s*(\\cdot|\\times)?\s*")
_SIGN = re.compile(r"(?:[-+−]|\\pm)?")
_FUNCTION = re.compile(r"\\(?:ln|log|sin|cos|tan)(?![a-zA-Z])")
# No factor stands before these: a number, an amount of money, an equation, a choice or a word that answers.
_STANDS_ALONE = re.compile(
    r"[\s~{(]*(?:\\[,;:! ]|\\(?:text\w*|mathrm|mathbf|mbox)\s*\{\s*)*"
    r"(?:[-+−±.\d$€£¥₹]|\\(?:\$|pm(?![a-z])|mp(?![a-z])|pounds|euro)|[^=]*=|(?-i:\(?[A-H][).:]?[\s}]*\Z|\([A-H]\))"
    r"|(?:yes|no|true|false)\b)",
    re.IGNORECASE,
)
_SIGN_IN_PROSE = re.compile(r"(?<=[a-z:,])[ \t]+([-−])$", re.IGNORECASE)
_BASE = re.compile(rf"\s*([-+−]?\s*(?:{_FACTOR}|[a-zA-Z]|\([^()]*\)))\s*\^\s*\{{\s*(-?)\s*")
_ROOT = re.compile(rf"\s*([-+−]?\s*{_FACTOR}?)\s*(\\sqrt\s*(?:\[\d\])?)\s*\{{\s*")
_OVER = re.compile(rf"\s*([-+−]?\s*{_FACTOR}?\s*\\[dt]?frac\s*\{{)\s*")
_UNDER = re.compile(rf"\s*([-+−]?\s*{_FACTOR}?\s*\\[dt]?frac\s*\{{[^{{}}]*\}}\s*\{{)\s*")
_DENOMINATOR = re.compile(rf"\}}\s*\{{{INSIDE}\}}")
_END_OF_FORMULA = re.compile(r"\s*(?:!|[a-z](?:\^(?:\{\w+\}|\w))?)(?=\s*(?:\$|\\\)|\\\]))")  # not the "!" of a sentence
_BEHIND = re.compile(
    r"\s*(?:\^\s*(?:\{\s*(?!\\circ)[^{}]*\}|\w)|\\?%|\\sqrt\{[^{}]*\}|\\pi(?![a-zA-Z])|\\[dt]?frac\{\d+\}\{\d+\}"
    r"|(?:\\times|\\cdot)\s*10\s*\^\s*(?:\{[^{}]*\}|\d))+",
)


@dataclass(frozen=True, slots=True)
class _Box:
    start: int
    end: int
    content: str
    closed: bool
    is_value: bool = False  # of several boxes that make one value: what stands around them is in the content


def extract_final_answer(text: str) -> str:
    r"""Return the reply's answer in ``\boxed`` or ``\fbox``, "" if it gives none.

    Boxes that are empty or hold a placeholder are passed over. Boxes of several parts are joined by ", ". A sign,
    factor or power directly around the box belongs to the value. A box after the header of another question, or inside
    a thought, is not an answer; a reply that ends within a box has none.
    """
    text = _without_thought(text)
    boxes = [box for box in _boxes_in(text) if not box.closed or not _is_placeholder(box.content)]
    boxes = _before_next_question(text, boxes)
    if not boxes or not boxes[-1].closed:
        return ""
    boxes = _values_in(text, [box for box in boxes if box.closed])
    boxes = boxes[_first_part(text, boxes) :]
    if len(boxes) == 1 and _NO_ANSWER.fullmatch(_TEXT.sub(r"\1", boxes[0].content)):
        return ""
    parts = [box.content if box.is_value else _with_surroundings(text, box) for box in boxes]
    between = [text[one.end : other.start] for one, other in pairwise(boxes)]
    if between and all(map(_RATIO.fullmatch, between)):
        return ":".join(parts)
    # Two inequalities are one region where "or" stands between them, a list otherwise.
    is_choice = any(box.is_value for box in boxes) and any(map(_OR.search, between))
    return (" or " if is_choice else ", ").join(dict.fromkeys(parts))


def _values_in(text: str, boxes: Sequence[_Box]) -> list[_Box]:
    """Return the boxes with one in place of those that make one value, such as the ends of an interval."""
    values: list[_Box] = []
    for box in boxes:
        if values and (value := _linked(text, values[-1], box)):
            values[-1] = _Box(values[-1].start, box.end, value, closed=True, is_value=True)
        else:
            values.append(box)
    return values


def _linked(text: str, one: _Box, other: _Box) -> str:
    """Return the one value that two boxes make; "" if they make none."""
    if other.start - one.end > MAX_BEHIND:
        return ""
    before, behind = text[max(one.start - MAX_SIDE, 0) : one.start], text[other.end : other.end + MAX_BEHIND]
    return linked(before, one.content, text[one.end : other.start], other.content, behind)


def _without_thought(text: str) -> str:
    text = _OTHER_TAG.sub(lambda tag: f"<{'/' * (tag[1] in ('end_of_', '/'))}think>" if tag[2] else "", text)
    if "</" in text:
        text = _WHOLE_THOUGHT.sub("\n\n", text)
    tags = list(_THOUGHT.finditer(text))
    if not tags:
        return text
    return text[tags[-1].end() :] if tags[-1][1] else text[: tags[-1].start()] if _answered(text, tags[-1]) else ""


def _answered(text: str, opening: re.Match[str]) -> bool:
    """Tell whether a thought begins after an answer, as in a reply that runs on."""
    return bool(_boxes_in(text[: opening.start()]))


def _boxes_in(text: str) -> list[_Box]:
    """Return the boxes in order; the innermost of nested ones."""
    boxes: list[_Box] = []
    for match in islice(BOX.finditer(text), MAX_BOXES):
        if match[1]:
            close = closing_brace(text, match.end(), match.end() + MAX_BOX)
            box = _Box(match.start(), close + 1, text[match.end() : close].strip(), close >= 0)
        else:
            end = next_token(text, match.end())
            box = _Box(match.start(), end, text[match.end() : end].strip(" $"), closed=True)
        if not box.closed and boxes and _EMPTY.fullmatch(text, match.end()):
            continue  # the instruction, cut off
        if boxes and boxes[-1].end > box.start and boxes[-1].closed and not _is_placeholder(box.content):
            boxes.pop()
        boxes.append(box)
    return boxes


def _is_placeholder(content: str) -> bool:
    plain = _TEXT.sub(r"\1", content).strip(" $")
    return (
        plain in ("", "\\") or bool(_EMPTY.fullmatch(plain)) or (plain != "-" and bool(_PLACEHOLDER.fullmatch(plain)))
    )


def _before_next_question(text: str, boxes: Sequence[_Box]) -> list[_Box]:
    """Return the boxes before the first other question that begins after an answer."""
    if not boxes:
        return []
    first = next((box for box in boxes if box.closed), boxes[0])
    end = next_question(text, max(first.end, first.start))
    return [box for box in boxes if box.start < end]


def _first_part(text: str, boxes: Sequence[_Box]) -> int:
    """Return the first of the last boxes that are parts of one answer."""
    first = len(boxes) - 1
    if _IN_TOTAL.match(text, boxes[-1].end):
        return first
    while first > 0 and _belong_together(text, boxes[first - 1], boxes[first]):
        first -= 1
    return first


def _belong_together(text: str, one: _Box, other: _Box) -> bool:
    between = text[one.end : other.start]
    if len(between) > MAX_BOX:
        return False
    if _NEXT_PART.fullmatch(between) or _RATIO.fullmatch(between):
        return True
    before_one = text[max(one.start - MAX_SIDE, 0) : one.start]
    label = _LABELLED.search(before_one)
    connected = _CONNECTED.fullmatch(between) or _NEXT_LINE.fullmatch(between)
    if connected is None and label and (behind := _NEXT_LABEL.fullmatch(between)):
        connected = None if _is_derived(label[1], behind[1]) else behind
    if connected and not (
        _CORRECTED.search(between) or _STAGE.search(before_one) or _is_result(between[-MAX_SIDE:], label)
    ):
        return True
    part, before = _PART_LABEL.search(between), list(_PART_LABEL.finditer(text, 0, one.start))
    return bool(part and before and _follows(before[-1][1].lower(), part[1].lower()))


def _is_result(between: str, label: re.Match[str] | None) -> bool:
    """Tell whether the later of two boxes is the result; "Final price" is none behind "Initial price"."""
    behind = _LABELLED.search(between)
    return bool(_RESULT.search(between)) and not (label and behind and _are_alike(label[1], behind[1]))


def _is_derived(label: str, other_label: str) -> bool:
    one, other = _head_of(label), _head_of(other_label)
    return any(one in known and other in derived for known, derived in _DERIVED)


def _are_alike(label: str, other_label: str) -> bool:
    head = _head_of(label)
    return head == _head_of(other_label) and len(label.split()) > 1 and not re.fullmatch(_FORM, head)


def _head_of(label: str) -> str:
    return label.strip("* ").split()[-1].lower()


def _follows(label: str, next_label: str) -> bool:
    orders = [list(labels) for labels in _LABELS]
    return any((label, next_label) in pairwise(order) for order in orders)


def _with_surroundings(text: str, box: _Box) -> str:
    """Return the content with the sign, the factor and the power around it."""
    line = text[text.rfind("\n", 0, box.start) + 1 : box.start]
    delimiters = [match.end() for match in _SIDE.finditer(line)]
    side = line[delimiters[-1] if delimiters else 0 :][-MAX_SIDE:]
    if base := _BASE.fullmatch(side):
        return f"{''.join(base[1].split())}^{{{base[2]}{box.content}}}"
    if (root := _ROOT.fullmatch(side)) and text[box.end : box.end + 1] == "}":
        return f"{root[1]}{root[2]}{{{box.content}}}"
    if (over := _OVER.fullmatch(side)) and (denominator := _DENOMINATOR.match(text, box.end)):
        return f"{over[1]}{box.content}{denominator[0]}"
    if (under := _UNDER.fullmatch(side)) and text[box.end : box.end + 1] == "}":
        return f"{under[1]}{box.content}}}"
    before = _before(side, box.content, in_formula=bool(delimiters))
    rest = text[box.end : box.end + MAX_BEHIND].split("\n", 1)[0]
    behind = _BEHIND.match(rest) or _END_OF_FORMULA.match(rest)
    after = behind[0].strip() if behind else ""
    is_sum = re.search(r"[^(\[{^]\s*[+\-−]", box.content) is not None
    if (is_sum and (before or after)) or (after.startswith("^") and not box.content.isalnum()):
        return f"{before}({box.content}){after}"
    return before + box.content + after


def _before(side: str, content: str, *, in_formula: bool) -> str:
    found = _BEFORE.fullmatch(side)
    if not in_formula or found is None:
        sign = _SIGN_IN_PROSE.search(side)
        return sign[1] if sign else ""  # "- \boxed{9}" at the start of a line is an item of a list
    if found[2]:
        return (
            "" if re.fullmatch(r"[-+\d.,/ ]+", content) else found[1] + found[2] + " "
        )  # 12 = 4 \cdot 3 fills a blank
    if _is_the_value_itself(found[1].strip(), content):
        return ""
    ends_in_command = re.search(r"\\[a-z]+$", found[1].strip()) is not None and content[:1].isalpha()
    return found[1].strip() + " " * ends_in_command


def _is_the_value_itself(factor: str, content: str) -> bool:
    """Tell whether a factor is a value that the box repeats, as in "12 + 3 = 15 [15]" or "Answer = 5 [A]"."""
    if _SIGN.fullmatch(factor) or _FUNCTION.search(factor):
        return False
    return bool(_STANDS_ALONE.match(content)) or _compare_values(factor, content) is Verdict.EQUAL


def _compare_values(one: str, other: str) -> Verdict:
    return compare(normalize_answer(one), normalize_answer(other), lambda _, __: Verdict.UNKNOWN)
