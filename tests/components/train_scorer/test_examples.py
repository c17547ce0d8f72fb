import dataclasses
from pathlib import Path

from components.shared.records import FailRate
from components.shared.templates import load_chat_template
from components.train_scorer.examples import Drawn, HeldOut, count_examples, examples_of

ROW = FailRate(
    id="q1", question="What is 2+2?", answer="4", source="given", fail_rate=0.5, responses=("It is 4.", "It is 5."),
    correct=(True, False),
)  # fmt: skip
NAMES = [f"Question {number}?" for number in range(50)]


def test_difficulty_pairs_the_question_with_its_fail_rate() -> None:
    (example,) = examples_of([ROW], None)
    assert (example.text, example.number, example.row) == ("What is 2+2?", 0.5, ROW)
    assert count_examples([ROW], "difficulty") == 1


def test_reward_pairs_each_conversation_with_its_correctness(tiny_model: Path) -> None:
    right, wrong = examples_of([ROW], load_chat_template("chatml", tiny_model))
    assert str(right.text).endswith("<|im_start|>assistant\nIt is 4.<|im_end|>")
    assert (right.number, wrong.number) == (1.0, 0.0)
    assert (wrong.row.responses, wrong.row.correct) == (("It is 5.",), (False,))
    assert count_examples([ROW], "reward") == 2


def test_the_declared_share_of_the_questions_is_held_out() -> None:
    held_out = HeldOut(NAMES, 0.1, seed=0)
    assert len(held_out) == 5
    assert sum(name in held_out for name in NAMES) == 5


def test_a_question_that_comes_twice_is_on_one_side() -> None:
    assert len(HeldOut([*NAMES, *NAMES], 0.1, seed=0)) == 5


def test_a_small_share_holds_out_one_question_and_none_only_if_asked() -> None:
    assert len(HeldOut(NAMES, 0.001, seed=0)) == 1
    assert len(HeldOut(NAMES, 0.0, seed=0)) == 0


def test_one_question_is_always_left_to_train_on() -> None:
    assert len(HeldOut(NAMES[:1], 0.5, seed=0)) == 0
    assert len(HeldOut(NAMES[:2], 0.9, seed=0)) == 1


def test_another_seed_holds_out_other_questions() -> None:
    first, second = (HeldOut(NAMES, 0.2, seed) for seed in (0, 1))
    assert [name in first for name in NAMES] != [name in second for name in NAMES]


def test_at_most_so_many_examples_are_drawn_by_the_seed() -> None:
    rows = [dataclasses.replace(ROW, id=name, question=name) for name in NAMES]
    examples = list(examples_of(rows, None))
    first, second, every = (Drawn(examples, count, seed) for count, seed in ((10, 0), (10, 1), (0, 0)))
    assert sum(example in first for example in examples) == 10
    assert [example in first for example in examples] != [example in second for example in examples]
    assert all(example in every for example in examples)
