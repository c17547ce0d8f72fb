from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.texts.canonical import canonical_key, canonical_tokens
from tests.components.shared.texts.case_files import cases_of


@pytest.mark.parametrize(("pair", "same"), cases_of("canonical"))
def test_spellings_of_one_question_are_one_sequence_and_other_questions_are_others(pair: list[str], same: bool) -> None:
    assert (canonical_tokens(pair[0]) == canonical_tokens(pair[1])) is same


@dataclass(frozen=True)
class Spelt:
    """One formula in LaTeX, in plain text and with Unicode's signs."""

    latex: str
    plain: str
    unicode: str


ATOMS = st.sampled_from(["x", "y", "n", "2", "3", "10", "47"]).map(lambda text: Spelt(text, text, text)) | st.just(
    Spelt(r"\pi", "pi", "π")
)
_RAISED = str.maketrans("0123456789n", "⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ")


def _joined(latex: str, plain: str, unicode: str) -> Callable[[tuple[Spelt, Spelt]], Spelt]:
    return lambda pair: Spelt(
        f"{pair[0].latex} {latex} {pair[1].latex}",
        f"{pair[0].plain} {plain} {pair[1].plain}",
        f"{pair[0].unicode} {unicode} {pair[1].unicode}",
    )


def _larger(parts: st.SearchStrategy[Spelt]) -> st.SearchStrategy[Spelt]:
    pairs = st.tuples(parts, parts)
    powers = st.sampled_from("2345678n")
    return (
        pairs.map(_joined("+", "+", "+"))
        | pairs.map(_joined("-", "-", "−"))
        | pairs.map(_joined(r"\leq", "<=", "≤"))
        | pairs.map(
            lambda pair: Spelt(
                rf"\dfrac{{{pair[0].latex}}}{{{pair[1].latex}}}",
                f"({pair[0].plain})/({pair[1].plain})",
                f"({pair[0].unicode})/({pair[1].unicode})",
            )
        )
        | parts.map(lambda part: Spelt(rf"\sqrt{{{part.latex}}}", f"sqrt({part.plain})", f"√({part.unicode})"))
        | st.tuples(parts, powers).map(
            lambda pair: Spelt(
                rf"\left({pair[0].latex}\right)^{{{pair[1]}}}",
                f"({pair[0].plain})^{pair[1]}",
                f"({pair[0].unicode}){pair[1].translate(_RAISED)}",
            )
        )
    )


FORMULAS = st.recursive(ATOMS, _larger, max_leaves=6)


@given(FORMULAS)
def test_a_formula_is_one_sequence_in_latex_in_plain_text_and_in_unicode(formula: Spelt) -> None:
    wanted = canonical_tokens(f"Find the value of {formula.plain} if it exists.")
    assert canonical_tokens(f"Find the value of ${formula.latex}$ if it exists.") == wanted
    assert canonical_tokens(rf"Find the value of \( {formula.latex} \) if it exists") == wanted
    assert canonical_tokens(f"Find the value of {formula.unicode} if it exists.") == wanted


@given(st.integers(0, 10**7), st.integers(1, 10**7))
def test_a_number_counts_and_its_spelling_does_not(number: int, more: int) -> None:
    tokens = canonical_tokens(f"Anna has {number} apples.")
    assert canonical_tokens(f"Anna has {number:,} apples") == tokens
    assert canonical_tokens(f"anna has ${number:,}$ apples!".replace(",", "{,}")) == tokens
    assert canonical_tokens(f"Anna has {number + more} apples.") != tokens


@given(st.text(max_size=80), st.text(alphabet=r"\{}()[]^_$fracsqt 12xy.,-*", max_size=40))
def test_any_text_has_a_canonical_form_that_layout_does_not_change(text: str, formula: str) -> None:
    tokens = canonical_tokens(f"{text} {formula}")
    assert all(token and not any(map(str.isspace, token)) for token in tokens)
    assert canonical_tokens("a \u200b cat\u00a0 sat") == ["a", "cat", "sat"]


def test_texts_have_the_key_of_their_canonical_form_or_of_their_words() -> None:
    assert (
        canonical_key(r"What is $\dfrac{1}{2}$?")
        == canonical_key("Problem 3. What is ½")
        != canonical_key("What is 2?")
    )
    assert canonical_tokens("?! ;") == []
    assert canonical_key("?!  ;") == canonical_key("?! ;") != canonical_key(";")


@pytest.mark.parametrize("piece", ["2^{", r"\sqrt{", r"\frac{1}{", "((", "{"])
def test_a_text_that_opens_hundreds_of_braces_has_a_form(piece: str) -> None:
    assert canonical_tokens(f"Find {piece * 1000}3") == canonical_tokens(
        f"Find {piece * 1000}3".replace("Find", "FIND")
    )
    assert "3" in canonical_tokens(f"Find {piece * 1000}3{'}' * 1000}")
