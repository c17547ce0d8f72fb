import random

import pytest

from components.package_dataset import diversity
from components.package_dataset.diversity import Diversity, QuestionSample

THINGS = "stamps pears coins hats ropes lamps kites books shells drums".split()  # noqa: SIM905 -- a list of words
VERBS = "collects paints buries counts sells mends hides borrows weighs draws".split()  # noqa: SIM905
PLACES = "harbour forest attic museum market stable library garden tunnel island".split()  # noqa: SIM905


def sampled(*questions: str) -> Diversity:
    sample = QuestionSample()
    for question in questions:
        sample.add(question)
    found = sample.diversity()
    assert found is not None
    return found


def written(generator: random.Random, number: int) -> list[str]:
    """Questions of a generator that writes different ones."""
    return [
        f"Omar {generator.choice(VERBS)} {generator.randrange(99)} {generator.choice(THINGS)} in the "
        f"{generator.choice(PLACES)} and {generator.choice(VERBS)} {generator.choice(THINGS)}. How many remain?"
        for _ in range(number)
    ]


def collapsed(generator: random.Random, number: int) -> list[str]:
    """Questions of a generator that writes one question with other names and numbers."""
    names = ("Omar", "Greta", "Viktor")
    return [
        f"{generator.choice(names)} has {generator.randrange(9999)} pears and eats {generator.randrange(99)}. How many?"
        for _ in range(number)
    ]


def test_both_figures_tell_a_collapsed_generator_from_one_that_writes_different_questions() -> None:
    generator = random.Random(0)
    healthy = sampled(*written(generator, 300))
    half = sampled(*written(generator, 150), *collapsed(generator, 150))
    one = sampled(*collapsed(generator, 300))

    assert healthy.vendi_score > 1.5 * half.vendi_score > 3 * one.vendi_score
    assert healthy.largest_cluster < 0.2 < half.largest_cluster < 0.7 < one.largest_cluster
    assert one.vendi_score == pytest.approx(1.0)


def test_questions_without_a_common_word_count_each() -> None:
    found = sampled("Solve quickly.", "Integrate polynomials.", "Plot graphs.")
    assert found.vendi_score == pytest.approx(3.0, abs=0.01)
    assert found.largest_cluster == pytest.approx(1 / 3, abs=0.001)


def test_the_sample_depends_neither_on_order_nor_on_repetitions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diversity, "SAMPLE", 40)
    questions = written(random.Random(1), 200)
    shuffled = random.Random(2).sample(questions, len(questions))

    assert sampled(*questions) == sampled(*shuffled, *questions)
    assert sampled(*questions).num_sampled == 40


def test_one_question_has_no_diversity() -> None:
    sample = QuestionSample()
    sample.add("Why?")
    assert sample.diversity() is None
