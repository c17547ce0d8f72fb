"""Texts of others in Markdown: shown as they are, whatever renders it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from components.shared.plain_text import inert
from components.shared.publishing.markdown import inert_quote, inert_text

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![x](http://evil.example/x.png) <http://evil.example>",
    "https://evil.example www.evil.example someone@evil.example",
    "**bold** _it_ `code` ~~gone~~ | a | b |",
    "# Heading\n- list\n1. item\n\n    code\n```\nfence\n```\nSetext\n===",
    "[ref]: http://evil.example\n[ref]",
    "&lt;b&gt; &#60;script&#62; \\<b\\> \\\\ \\|",
    r"$x^2_1$ \frac{1}{2} \(a\) 5 < 6 > 4",
    "\u202egnp.exe \u2028x \x00\x1b[31m",
]
WRITTEN = st.one_of(st.text(max_size=60), st.text(alphabet="<>&[]()!|`*_~#-+=.:\\/@\"'$ \n1ax", max_size=40))


class Shown(HTMLParser):
    """The text of each quotation and cell, and every tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str | None] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag in ("blockquote", "td"):
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data


def rendered(text: str) -> str:
    """What a renderer makes of it that takes HTML and finds links."""
    renderer = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
    return str(renderer.render(text))


@given(WRITTEN)
@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_in_a_cell_is_shown_as_it_is(text: str, other: str) -> None:
    for value in (text, other):
        shown = Shown(rendered(f"| a | b |\n|---|---|\n| {inert_text(value)} | end |\n"))
        assert [" ".join(cell.split()) for cell in shown.texts] == [inert(value), "end"]
        assert shown.tags == {"table", "thead", "tbody", "tr", "th", "td"}
        assert not shown.attributes


@given(WRITTEN)
@example("a\n\n\nb")
@example("")
def test_a_quotation_has_the_texts_lines_and_nothing_else(text: str) -> None:
    for value in (text, *HOSTILE):
        shown = Shown(rendered(str(inert_quote(value, 10_000))))
        assert shown.tags == {"blockquote", "p"}
        assert not shown.attributes
        words = "".join("".join(shown.texts).split())
        assert words == ("".join(inert(value).split()) or "(empty)")


@given(WRITTEN)
def test_the_markdown_itself_is_inert_where_it_is_taken_for_html(text: str) -> None:
    for value in (text, *HOSTILE):
        for source in (str(inert_text(value)), str(inert_quote(value, 10_000))):
            assert Shown(source).tags == set()
            assert "<" not in source
            assert not re.search(r"&(?!amp;|lt;|gt;)", source)


def test_a_long_text_is_cut_and_says_so() -> None:
    quote = str(inert_quote("x" * 5000, 100))
    assert "x" * 101 not in quote
    assert "5\\,000 characters" in quote


def test_a_quotation_is_masked_before_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "hf_abcdefghijklmnopqrst")
    assert "abc" not in str(inert_quote(f"{'x' * 90}hf_abcdefghijklmnopqrst{'x' * 90}", 100))
