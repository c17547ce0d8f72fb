r"""An answer taken apart: at commas, at "or", at relations, at brackets, at the row breaks of a matrix."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.shared.texts.latex import closing_brace

_DEPTH = re.compile(
    r"\\begin\s*\{\w+\*?\}|\\end\s*\{\w+\*?\}|\\[{}]|\\[lr](?:angle|floor|ceil)(?![a-zA-Z])|\\[a-zA-Z]+|\\.|[()\[\]{}]|."
)
_OPENING = frozenset((r"\{", "(", "[", "{", r"\langle", r"\lfloor", r"\lceil"))
_CLOSING = frozenset((r"\}", ")", "]", "}", r"\rangle", r"\rfloor", r"\rceil"))
_AND_OR = re.compile(
    r"\\text\s*\{\s*,?\s*(?:and|or)\s*,?\s*\}|(?<![a-zA-Z\\])(?:and|or)(?![a-zA-Z])|\\q?quad(?![a-zA-Z])"
)
_RELATIONS = {
    "=": "=",
    "<": "<",
    ">": ">",
    r"\leq": "<=",
    r"\geq": ">=",
    r"\neq": "!=",
    r"\approx": "~",
    r"\equiv": "==",
}
_TRANSPOSE = r"\^\{(?:T|\\top|\\text\s*\{T\})\}"
_MATRIX = re.compile(
    r"[(\[]?\s*\\begin\s*\{((?:[pbB]|small)?matrix|array|cases|aligned|align\*?|gathered)\}(?:\s*\{[lcr|\s]*\})?(.*)"
    rf"\\end\s*\{{\1\}}\s*[)\]]?({_TRANSPOSE})?",
    re.DOTALL,
)
_TRANSPOSED = re.compile(rf"([(\[].*[)\]])\s*{_TRANSPOSE}", re.DOTALL)
_CASES = frozenset(("cases", "aligned", "align", "align*", "gathered"))
_BRACKETS = re.compile(
    r"(\(|\[|\]|\\\{|\\langle(?![a-zA-Z])|<(?=[^<>]*,[^<>]*>$))(.*)(\)|\]|\[|\\\}|\\rangle|>)", re.DOTALL
)
_PLUS_MINUS = re.compile(r"\\pm(?![a-zA-Z])|\\mp(?![a-zA-Z])")
_BASE = re.compile(r"(\d+|\([^()]+\))\s*\^\s*\{")


def tokens_of(text: str) -> Iterator[tuple[int, int, str, int]]:
    """Yield start, end, token and its depth in brackets."""
    depth = 0
    for match in _DEPTH.finditer(text):
        token = match[0]
        if token in _CLOSING or token.startswith(r"\end"):
            depth = max(depth - 1, 0)
        yield match.start(), match.end(), token, depth
        if token in _OPENING or token.startswith(r"\begin"):
            depth += 1


def split_list(text: str) -> list[str]:
    r"""Split a text at commas, semicolons, row breaks, "and" and "or" outside of brackets."""
    cuts: list[tuple[int, int]] = []
    outside = [start for start, _, _, depth in tokens_of(text) if depth == 0]
    at_top = set(outside)
    for start, end, token, depth in tokens_of(text):
        if depth == 0 and token in (",", ";", "\\\\"):
            cuts.append((start, end))
    if "and" in text or "or" in text:
        cuts += [found.span() for found in _AND_OR.finditer(text) if found.start() in at_top]
    return _between(text, sorted(cuts))


def both_signs(items: list[str]) -> Iterator[str]:
    r"""Yield the items, each with \pm or \mp as two: first with the upper sign, then with the lower one."""
    for item in items:
        if _PLUS_MINUS.search(item):
            name, equals, value = item.rpartition("=")
            for plus in ("+", "-"):
                signs = {r"\pm": plus, r"\mp": "-" if plus == "+" else "+"}
                yield (name + equals + _PLUS_MINUS.sub(lambda sign, signs=signs: signs[sign[0]], value)).strip()  # type: ignore[misc]
        else:
            yield item


def split_relations(text: str) -> tuple[list[str], list[str]]:
    """Return the sides of a chain of relations, and the relations between them."""
    cuts, signs = [], []
    for start, end, token, depth in tokens_of(text):
        if depth == 0 and token in _RELATIONS:
            cuts.append((start, end))
            signs.append(_RELATIONS[token])
    return _between(text, cuts, keep_empty=True), signs


def ascending(sides: list[str], signs: list[str]) -> tuple[list[str], list[str]]:
    """Return a chain of "greater than", perhaps with equal sides, as one of "less than"; any other as it is."""
    kinds = set(signs)
    if kinds & {">", ">="} and kinds <= {">", ">=", "="}:
        return sides[::-1], [sign.replace(">", "<") for sign in signs[::-1]]
    return sides, signs


def split_at(text: str, sign: str) -> list[str]:
    """Split a text at a sign outside of brackets."""
    return _between(
        text, [(start, end) for start, end, token, depth in tokens_of(text) if depth == 0 and token == sign]
    )


def _between(text: str, cuts: list[tuple[int, int]], *, keep_empty: bool = False) -> list[str]:
    starts = [0, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), len(text)]
    parts = [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    return [part for part in parts if part or keep_empty]


def brackets_of(text: str) -> tuple[str, str, str] | None:
    """Return opening bracket, content and closing bracket if they enclose the whole text."""
    found = _BRACKETS.fullmatch(text.strip())
    if found is None:
        return None
    opening, content, closing = found.groups()
    if closing == ">" or opening == "<":
        return (r"\langle", content.strip(), r"\rangle") if (opening, closing) == ("<", ">") else None
    french = opening == "]" or closing == "["
    if not french and not _is_closed(content):
        return None
    return opening, content.strip(), closing


def _is_closed(content: str) -> bool:
    """Tell whether each bracket closes one that the content opened: (1,2),(3,4) is not one pair of brackets."""
    depth = 0
    for match in _DEPTH.finditer(content):
        depth += (match[0] in _OPENING) - (match[0] in _CLOSING)
        if depth < 0:
            return False
    return depth == 0


def power_of(text: str) -> tuple[str, str] | None:
    """Return the base and the exponent of a text that is one power; None for another text."""
    found = _BASE.match(text)
    if found is None or closing_brace(text, found.end()) != len(text) - 1:
        return None
    return found[1], text[found.end() : -1]


def matrix_of(text: str) -> list[list[str]] | None:
    r"""Return the rows of a matrix, None for another text; brackets of all kinds are alike, determinants are none."""
    found = _MATRIX.fullmatch(text.strip())
    if found is None:
        return _rows_in_brackets(text)
    if found[1] in _CASES or r"\begin" in found[2]:
        return None
    rows = [[cell.strip() for cell in row.split("&")] for row in found[2].split("\\\\")]
    rows = [row for row in rows if row != [""]]
    if not rows:
        return None
    return [list(row) for row in zip(*rows, strict=True)] if found[3] and len({*map(len, rows)}) == 1 else rows


def _rows_in_brackets(text: str) -> list[list[str]] | None:
    """Return the rows of [[1, 2], [3, 4]], and of [1, 2]^T; a list of intervals has no brackets around it."""
    if column := _TRANSPOSED.fullmatch(text.strip()):
        row = brackets_of(column[1])
        return [[item] for item in split_at(row[1], ",")] if row else None
    outer = brackets_of(text)
    if outer is None or outer[0] != "[" or outer[2] != "]" or not outer[1].startswith("["):
        return None
    rows = [brackets_of(row) for row in split_at(outer[1], ",")]
    cells = [split_at(row[1], ",") for row in rows if row is not None and row[0] == "["]
    return cells if len(cells) == len(rows) and len({*map(len, cells)}) == 1 else None


def lines_of(text: str) -> list[str] | None:
    """Return the lines of a system of equations, None for another text."""
    found = _MATRIX.fullmatch(text.strip().removeprefix(r"\{"))
    if found is None or found[1] not in {*_CASES, "array"} or "=" not in found[2]:
        return None
    lines = [line.replace("&", " ").strip(" ,") for line in found[2].split("\\\\")]
    return [line for line in lines if line]
