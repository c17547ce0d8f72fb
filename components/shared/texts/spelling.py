r"""One spelling for each piece of LaTeX: ``\dfrac12`` is ``\frac{1}{2}``; colours are dropped, row breaks stay."""

from __future__ import annotations

import re

from components.shared.texts.latex import INSIDE
from components.shared.texts.symbols import in_latex

_GROUPED = re.compile(
    r"(?<![a-zA-Z])\{\s*([,:.])\s*\}|\\!\s*(,)|(,)\s*\\!"
)  # a comma between thousands, a decimal comma
_DELIMITER = re.compile(r"\\\\(?:\[\w+\])?|(\\[()\[\]]|\$\$)")
_SPACE = re.compile(
    r"\\\\|(\\[,;:!> ]|\\(?:q?quad|thinspace|enspace|allowbreak)(?![a-zA-Z])|\\[hv]space\*?\{[^{}]*\}|~|\s+)"
)
_SIZE = re.compile(
    r"\\\\|(\\(?:left|right|middle)(?![a-zA-Z])\s*\.?|\\(?:[bB]igg?[lrm]?|displaystyle|textstyle|scriptstyle|limits"
    r"|nolimits|large|Large|LARGE|huge|small|normalsize|tiny|bf|rm|it|sf|tt|boldmath|centering|noindent|nonumber)"
    r"(?![a-zA-Z]))"
)
_STYLED = re.compile(
    r"\\(math(?:rm|bf|it|sf|tt|normal|op|ord|bin)|operatorname|text(?:rm|bf|it|sf|tt|normal|up)?|mbox|hbox|emph|boldsymbol"
    rf"|bm|pmb|underline|uline|boxed|fbox|ensuremath)\*?\s*\{{({INSIDE})\}}"
)
_COLOUR = re.compile(
    r"\\(?:textcolor|colorbox|color)\s*(?:\[\w+\])?\s*\{[^{}]*\}|\\fcolorbox\s*\{[^{}]*\}\s*\{[^{}]*\}"
)
_HTML = re.compile(r"</?(?:b|i|u|em|strong|span|sub|sup|p|br|code|center)\b[^<>]*>", re.IGNORECASE)
_FUNCTION_NAMES = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp lim max min gcd lcm det deg dim mod arg sup"
    " inf sgn cis"
)
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
_NO_TEXT = frozenset(("boxed", "fbox", "ensuremath", "underline", "uline", "boldsymbol", "bm", "pmb"))
_IS_NUMBER = re.compile(r"\d[\s~]*\Z")  # before minutes
_LETTERS = frozenset(("mathbf", "mathit", "mathsf", "mathtt", "mathnormal"))
_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_SYNONYMS = {
    **dict.fromkeys(("dfrac", "tfrac", "cfrac", "sfrac", "nicefrac", "flatfrac"), r"\frac"),
    **dict.fromkeys(("dbinom", "tbinom"), r"\binom"),
    **dict.fromkeys(("le", "leqslant", "leqq"), r"\leq"),
    **dict.fromkeys(("ge", "geqslant", "geqq"), r"\geq"),
    **dict.fromkeys(("varnothing", "O"), r"\emptyset"),
    **dict.fromkeys(("dots", "cdots", "dotsc", "dotsb", "hdots"), r"\ldots"),
    **dict.fromkeys(("rightarrow", "longrightarrow"), r"\to"),
    **dict.fromkeys(("implies", "Longrightarrow"), r"\Rightarrow"),
    **dict.fromkeys(("thickapprox", "simeq"), r"\approx"),
    **dict.fromkeys(("backslash", "smallsetminus"), r"\setminus"),
    **dict.fromkeys(("ast", "bullet"), r"\cdot"),
    **dict.fromkeys(("vert", "lvert", "rvert"), "|"),
    **dict.fromkeys(("newline", "linebreak", "tabularnewline"), r"\\"),
    **{
        "ne": r"\neq",
        "infin": r"\infty",
        "degree": r"^{\circ}",
        "lt": "<",
        "gt": ">",
        "lbrace": r"\{",
        "rbrace": r"\}",
    },
    **{"lbrack": "[", "rbrack": "]", "imath": "i", "jmath": "j", "percent": "%", "land": r"\wedge", "lor": r"\vee"},
    **{"varepsilon": r"\epsilon", "varphi": r"\phi", "vartheta": r"\theta", "colon": ":", "bar": r"\overline"},
}
_SCRIPT = re.compile(rf"([\^_])\s*(\\[a-zA-Z]+(?:\{{{INSIDE}\}})*|-\s?(?:\d+|[a-zA-Z])|[^\s{{}}\\^_-])")
_RAISED_SPACE = re.compile(r"\s*([\^_])\s*\{\s*([^{}]*?)\s*\}")
_ARGUMENT = r"\s*(\{[^{}]*\}|\d|[a-zA-Z]|\\[a-zA-Z]+(?![a-zA-Z{]))"
_BARE_FRACTION = re.compile(rf"\\(frac|binom){_ARGUMENT}{_ARGUMENT}")
_BARE_ROOT = re.compile(r"\\sqrt\s*(\[[^\]]*\])?\s*(\d|[a-zA-Z]|\\[a-zA-Z]+(?![a-zA-Z{]))")
_OVER = re.compile(r"\{([^{}]*)\\over(?![a-zA-Z])([^{}]*)\}")
_CHOOSE = re.compile(r"\{([^{}]*)\\choose(?![a-zA-Z])([^{}]*)\}")
_SPACES = re.compile(r"\s+")


def spell(text: str) -> str:
    r"""Return a text with one spelling for each piece of LaTeX or sign of Unicode; its formulas between single ``$``.

    Sizes, colours, emphasis and spacing commands are left out, ``\text`` is the one command for words.
    """
    text = _GROUPED.sub(lambda found: found[1] or ",", in_latex(text)).replace("~", " ")
    if "<" in text:
        text = _HTML.sub(" ", text)
    if "\\" in text:
        text = _without_layout(text)
    text = _SPACES.sub(" ", text)
    text = _SCRIPT.sub(r"\1{\2}", text)
    return _RAISED_SPACE.sub(r"\1{\2}", text).strip()


def _without_layout(text: str) -> str:
    text = _DELIMITER.sub(lambda found: "$" if found[1] else r"\\", text)
    text = _SPACE.sub(lambda found: " " if found[1] else r"\\", text)
    text = _SIZE.sub(lambda found: " " if found[1] else r"\\", text)
    text = _COLOUR.sub(" ", text)
    while (plainer := _STYLED.sub(_unstyled, text)) != text:
        text = plainer
    text = _CHOOSE.sub(r"\\binom{\1}{\2}", _OVER.sub(r"\\frac{\1}{\2}", text))
    text = _COMMAND.sub(lambda command: _SYNONYMS.get(command[1], command[0]), text)
    text = _BARE_FRACTION.sub(lambda found: rf"\{found[1]}{_braced(found[2])}{_braced(found[3])}", text)
    return _BARE_ROOT.sub(lambda found: rf"\sqrt{found[1] or ''}{{{found[2]}}}", text)


def _unstyled(styled: re.Match[str]) -> str:
    command, content = styled[1], styled[2]
    name = content.strip()
    if command in _NO_TEXT or not name:
        return f" {content} "
    if name in FUNCTIONS and not (name == "min" and _IS_NUMBER.search(styled.string, 0, styled.start())):
        return rf"\{name} "
    if not any(map(str.isalpha, name)) or (len(name) == 1 and (name in "eid" or command in _LETTERS)):
        return name  # \mathrm{e}; a unit, as in \mathrm{m}, stays a word
    return f"\\text{{{content}}}"


def _braced(argument: str) -> str:
    return argument if argument.startswith("{") else f"{{{argument}}}"
