from components.shared.texts.prose import prose_words


def test_formulas_numbers_and_names_of_points_are_no_words() -> None:
    text = r"Let $ABCD$ be a square; find \(x\) if x^2=4, \frac{1}{2} of 3.5 and AB = 60°."

    assert prose_words(text) == ["Let", "be", "square", "find", "if", "of", "and"]


def test_words_keep_accents_and_apostrophes() -> None:
    assert prose_words("José’s naïve answer isn't “right”") == ["José’s", "naïve", "answer", "isn't", "right"]


def test_a_formula_may_run_over_several_lines() -> None:
    assert prose_words("Solve\n\\begin{align}\nfoo &= bar\\\\\n\\end{align}\nfor x") == ["Solve", "for"]
