from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.texts.canonical import canonical_tokens
from components.shared.texts.ngrams import BYTES_PER_RUN, NgramIndex

VOCABULARY = "anna bob has gives takes apples pears 2 3 5 7 more than half"
WORDS = st.lists(st.sampled_from(VOCABULARY.split()), max_size=25)
QUESTION = (
    "A crate holds 24 mangoes and a lorry carries 7 crates on each of its trips. "
    "How many mangoes are carried on 12 trips?"
)


def runs(words: list[str], size: int) -> set[tuple[str, ...]]:
    """Return what the index has to find by: all runs, or the whole of what is shorter."""
    tokens = canonical_tokens(" ".join(words))
    if len(tokens) < size:
        return {("whole", *tokens)} if tokens else set()
    found = {tuple(tokens[start : start + size]) for start in range(len(tokens) - size + 1)}
    return {run for run in found if any(token.isalpha() for token in run)}


@given(st.lists(WORDS, max_size=8), WORDS, st.integers(1, 6))
def test_the_documents_found_are_those_that_share_a_run(documents: list[list[str]], text: list[str], size: int) -> None:
    index = NgramIndex(size, max_documents=100)
    for number, document in enumerate(documents):
        assert index.add(canonical_tokens(" ".join(document))) == number
        index.find(canonical_tokens(" ".join(text)))  # a question in between changes nothing
    wanted = [number for number, document in enumerate(documents) if runs(document, size) & runs(text, size)]
    assert index.find(canonical_tokens(" ".join(text))) == wanted
    assert len(index) == len(documents)


@given(WORDS, WORDS)
def test_a_question_is_found_in_any_text_around_it_and_in_another_spelling(
    before: list[str], behind: list[str]
) -> None:
    index = NgramIndex()
    index.add(
        canonical_tokens(
            "Another question altogether, on the number of primes below some bound, that nobody asks for here."
        )
    )
    number = index.add(canonical_tokens(QUESTION))
    spelt = QUESTION.replace("24", "$24$").replace("12 trips", "twelve trips").replace("7", r"\(7\)")
    assert index.find(canonical_tokens(f"{' '.join(before)} {spelt} {' '.join(behind)}")) == [number]


def test_changed_numbers_break_every_run_that_holds_them() -> None:
    index = NgramIndex(5)
    index.add(canonical_tokens("add 3 and 4 then take 5 from it"))
    assert index.find(canonical_tokens("add 3 and 4 then halve")) == [0]
    assert index.find(canonical_tokens("add 6 and 8 then take 9 from that")) == []


def test_a_run_in_many_documents_is_boilerplate() -> None:
    index = NgramIndex(5, max_documents=3)
    for number in range(4):
        index.add(
            canonical_tokens(f"Find {number}{number} apples. Express the result as a common fraction in lowest terms.")
        )
    assert index.find(canonical_tokens("Find 99 pears. Express the result as a common fraction in lowest terms.")) == []
    assert index.find(canonical_tokens("Find 22 apples. Express the area in another way.")) == [2]


def test_a_run_of_numbers_alone_finds_nothing() -> None:
    index = NgramIndex(5)
    index.add(["what", "comes", "after", "1", "2", "3", "4", "5", "6", "7"])
    assert index.find(["1", "2", "3", "4", "5", "6", "7"]) == []
    assert index.find(["after", "1", "2", "3", "4", "and", "then"]) == [0]


def test_a_run_takes_twelve_bytes() -> None:
    index = NgramIndex()
    index.add(canonical_tokens(QUESTION))
    tokens = len(canonical_tokens(QUESTION))
    assert index.num_bytes == BYTES_PER_RUN * (tokens - 12)
    index.find(canonical_tokens(QUESTION))
    assert index.num_bytes == BYTES_PER_RUN * (tokens - 12)


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="expected 1 or more"):
        NgramIndex(0)
