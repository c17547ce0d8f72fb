from __future__ import annotations

import time
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.report.formulas import typeset


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$x^2$", '<math display="inline"><msup><mi>x</mi><mn>2</mn></msup></math>'),
        (r"\(a\)", '<math display="inline"><mi>a</mi></math>'),
        (r"\[a\]", '<math display="block"><mi>a</mi></math>'),
        ("$$a$$", '<math display="block"><mi>a</mi></math>'),
        (r"\boxed{13}", '<math display="inline"><mrow class="boxed"><mn>13</mn></mrow></math>'),
        ("$a<b$", '<math display="inline"><mrow><mi>a</mi><mo>&lt;</mo><mi>b</mi></mrow></math>'),
        ("**bold** 2*3*4", "<strong>bold</strong> 2*3*4"),
    ],
)
def test_formulas_become_mathml(text: str, expected: str) -> None:
    assert typeset(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 and $6.",
        "between $3 and $4",
        r"$\frac{1}{$",
        r"$\nosuchcommand{x}$",
        r"\boxed{",
        "$" + "x" * 1001 + "$",
        "$" + "{" * 400 + "x" * 100,
        "plain text",
    ],
)
def test_what_is_no_formula_stays_text(text: str) -> None:
    assert typeset(text) == text


@pytest.mark.parametrize("environment", ["aligned", "align*", "cases", "pmatrix", "array", "gathered"])
def test_rows_of_formulas_become_tables(environment: str) -> None:
    text = str(typeset(rf"$$\begin{{{environment}}}a&=b\\c&=d\end{{{environment}}}$$"))
    assert (text.count("<mtr>"), "&amp;" in text) == (2, False)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        r"$\text{<script>alert(1)</script>}$",
        r"$\text{&lt;script&gt;alert(1)&lt;/script&gt;}$",
        r"$\href{javascript:alert(1)}{x}$",
        r"$\class{x}{y}\style{background:url(http://evil.example)}{z}$",
        r'$\color{"onload="alert(1)}{x}$',
        "**<img src=x onerror=alert(1)>**",
        r"\boxed{<svg/onload=alert(1)>}",
    ],
)
def test_hostile_formulas_do_nothing(text: str) -> None:
    assert_inert(str(typeset(text)))


@given(
    st.lists(st.sampled_from([*"\\${}[]()<>&\"'^_ ab1*", r"\frac", r"\text", r"\boxed", r"\left", "$$"]), max_size=40)
)
def test_any_text_gives_well_formed_inert_html(words: list[str]) -> None:
    assert_inert(str(typeset("".join(words))))


def test_a_nest_of_braces_takes_no_time() -> None:
    began = time.monotonic()
    for text in ("$" + "{" * 499 + "}" * 499 + "$", r"\boxed{" + "{" * 5000, "$" * 5000, r"\left(" * 900):
        assert typeset(text)
    assert time.monotonic() - began < 5


def assert_inert(html: str) -> None:
    """Fail unless nothing but MathML and ``strong`` is there, without an attribute that could be obeyed."""
    for element in ElementTree.fromstring(f"<div>{html}</div>").iter():
        assert element.tag in ("div", "strong") or element.tag.startswith("m"), html
        assert not {"href", "style", "src"} & {*element.attrib}, html
        assert all(not name.startswith("on") for name in element.attrib), html
        assert element.get("class", "boxed") == "boxed", html
