"""Texts with LaTeX as HTML: formulas become MathML, which browsers show without a script; all else stays text.

What models wrote is untrusted: the converter's result is taken apart; only known elements and attributes are written.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from latex2mathml.converter import convert_to_element
from markupsafe import Markup, escape

MAX_FORMULA = 1000  # characters; a longer one stays text
_BRACES = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"  # three levels deep
# As Pandoc reads dollars: no space inside them, and no digit behind the second: "$5 and $6" are prices.
_FORMULA = re.compile(
    r"\$\$(?P<display>.+?)\$\$"
    r"|\\\[(?P<bracket>.+?)\\\]"
    r"|\\\((?P<paren>.+?)\\\)"
    r"|(?<![\\$\w])\$(?!\s)(?P<dollar>[^$\n]+?)(?<![\s\\])\$(?![\w$])"
    rf"|(?P<box>\\boxed{_BRACES})",
    re.DOTALL,
)
_BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
_ALIGNED = re.compile(r"\\(begin|end)\{(?:aligned|gathered|eqnarray\*?)\}")  # of these the converter knows one
_ELEMENTS = {
    "math", "mrow", "mi", "mo", "mn", "ms", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msub", "msup", "msubsup",
    "munder", "mover", "munderover", "mtable", "mtr", "mtd", "menclose", "mstyle", "mpadded", "mphantom",
}  # fmt: skip
_ATTRIBUTES = {
    "accent", "accentunder", "columnalign", "columnspacing", "display", "displaystyle", "fence", "form", "largeop",
    "linethickness", "lspace", "maxsize", "minsize", "movablelimits", "mathvariant", "rowspacing", "rspace",
    "scriptlevel", "separator", "stretchy", "symmetric",
}  # fmt: skip
_VALUE = re.compile(r"-?[a-z]*|-?\d{0,2}(?:\.\d{1,4})?(?:em|ex|px)?")


def typeset(text: str) -> Markup:
    """Return a text as HTML: formulas as MathML, ``**bold**``, all else as it stands; nothing in it is obeyed."""
    return Markup("").join(_pieces(text))


def _pieces(text: str) -> Iterator[Markup]:
    end = 0
    for found in _FORMULA.finditer(text):
        yield _prose(text[end : found.start()])
        yield _formula(found)
        end = found.end()
    yield _prose(text[end:])


def _prose(text: str) -> Markup:
    return Markup(_BOLD.sub(r"<strong>\1</strong>", str(escape(text))))  # noqa: S704 -- escaped


def _formula(found: re.Match[str]) -> Markup:
    """Return a formula as MathML, or as its text where it cannot be read."""
    latex = next(group for group in found.groups() if group is not None)
    if len(latex) > MAX_FORMULA:
        return escape(found[0])
    is_display = found["display"] is not None or found["bracket"] is not None
    try:
        readable = _ALIGNED.sub(r"\\\1{align*}", latex)
        return _inert(convert_to_element(readable, display="block" if is_display else "inline"))
    except Exception:  # noqa: BLE001 -- the converter has no one error of its own; what it cannot read stays text
        return escape(found[0])


def _inert(element: Element) -> Markup:
    """Write an element of MathML anew; ValueError for one that is not known, or for a command that was not read."""
    text = html.unescape(element.text or "")  # the converter writes signs as entities
    if element.tag not in _ELEMENTS or "\\" in text or text == "&":
        raise ValueError(f"no formula: {element.tag} {text!r}")
    if element.tag == "mrow" and len(element) == 1 and not element.attrib:
        return _inert(element[0])
    boxed = element.tag == "menclose" and "box" in element.get("notation", "")
    tag = "mrow" if element.tag == "menclose" else element.tag  # browsers do not draw menclose
    attributes = [
        Markup(' {}="{}"').format(name, value)
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES and _VALUE.fullmatch(value)
    ]
    inside = [escape(text), *map(_inert, element)]
    box = Markup(' class="boxed"') if boxed else Markup("")
    return Markup("<{0}{1}{2}>{3}</{0}>").format(tag, box, Markup("").join(attributes), Markup("").join(inside))
