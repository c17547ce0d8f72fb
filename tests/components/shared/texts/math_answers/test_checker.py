from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.process import BaseProcess

import pytest

from components.shared.texts.math_answers import AnswerChecker
from tests.processor_time import cpu_seconds_of

ENDLESS = "10^{10^{10}}!"
OTHER_ENDLESS = r"\sum_{k=1}^{10^{9}} \sin(k^{2})"


def processes_of(checker: AnswerChecker) -> list[BaseProcess]:
    return [worker._process for worker in tuple(checker._started)]


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("1/2", "0.5"),
        (r"-\frac{1}{2}", "-0.5"),
        (r"\frac{3}{6}", "1/2"),
        ("1,000", "1000"),
        ("$1,234.50", "1234.5"),
        ("1e3", "1000"),
        ("7", "07"),
        ("0.50", ".5"),
        ("yes", "Yes"),
        ("The answer is 12.", "12"),
    ],
)
def test_plain_numbers_and_equal_text_need_no_process(gold: str, answer: str) -> None:
    with AnswerChecker() as checker:
        assert checker.are_equal(gold, answer)
        assert not processes_of(checker)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (r"50\%", "0.5"),
        ("12 apples", "12"),
        ("12", r"12\text{ cm}"),
        ("1/3", "0.333333"),
        (r"\frac12", "0.5"),
        (r"1\frac{1}{2}", "3/2"),
        (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}"),
        ("x = 5", "5"),
        ("5", "x=5"),
        ("x**2 + 2*x + 1", "(x+1)^2"),
        (r"\{1, 2\}", r"\{2, 1\}"),
        (r"90^\circ", "90"),
    ],
)
def test_equal_values_in_other_clothes_are_equal(checker: AnswerChecker, gold: str, answer: str) -> None:
    assert checker.are_equal(gold, answer)


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("-3", "3"),
        ("9999999999999999999", "10000000000000000000"),
        ("1/3", "0.333"),
        ("(1, 2)", "(2, 1)"),
        ("Tuesday", "Monday"),
        ("1/0", "0"),
        ("{{{", "}}}"),
        ("9" * 5000, "1"),
        ("", ""),
        ("4", ""),
    ],
)
def test_other_values_and_what_cannot_be_read_are_not_equal(checker: AnswerChecker, gold: str, answer: str) -> None:
    assert not checker.are_equal(gold, answer)


@pytest.mark.slow
def test_a_comparison_that_hangs_is_killed_counted_and_does_not_harm_the_next() -> None:
    with AnswerChecker(num_workers=1, cpu_seconds=1.0) as checker:
        assert not checker.are_equal("x", "y")  # starts the process
        assert not checker.are_equal(ENDLESS, "3")
        assert checker.failures == {"timeout": 1}
        assert checker.are_equal("x + x", "2x")


@pytest.mark.slow
def test_the_limit_is_the_processor_s_time_not_the_clock_s() -> None:
    with AnswerChecker(num_workers=1, cpu_seconds=2.0) as checker, ThreadPoolExecutor(1) as thread:
        assert not checker.are_equal("x", "y+1")
        (process,) = processes_of(checker)
        verdict = thread.submit(checker.are_equal, r"\sin(x+y)", r"\sin x \cos y + \cos x \sin y")
        os.kill(process.pid or 0, signal.SIGSTOP)  # a machine so busy that the process gets no processor
        time.sleep(3.0)
        os.kill(process.pid or 0, signal.SIGCONT)
        assert verdict.result()
        assert not checker.failures


def test_a_comparison_whose_process_was_killed_is_made_again() -> None:
    with AnswerChecker(num_workers=1) as checker:
        assert checker.are_equal("x + x", "2x")
        (process,) = processes_of(checker)
        process.kill()
        process.join()
        assert checker.are_equal("x + x", "2x")
        assert not checker.failures


@pytest.mark.slow
def test_a_comparison_that_takes_its_process_down_twice_is_counted_and_the_next_one_is_not_harmed() -> None:
    with AnswerChecker(num_workers=1, cpu_seconds=60.0) as checker, ThreadPoolExecutor(1) as thread:
        checker.are_equal("x", "y")
        verdict = thread.submit(checker.are_equal, ENDLESS, "3")
        begun: dict[int, float] = {}
        killed: set[int] = set()  # the one that compared x and y is among them
        while not verdict.done():
            for process in processes_of(checker):
                pid = process.pid or 0
                if pid not in killed and cpu_seconds_of(pid) > begun.setdefault(pid, cpu_seconds_of(pid)) + 0.1:
                    process.kill()  # amid its comparison
                    killed.add(pid)
            time.sleep(0.01)
        assert not verdict.result()
        assert len(killed) == 2
        assert checker.failures == {"crash": 1}
        assert checker.are_equal("x + x", "2x")


@pytest.mark.slow
def test_results_come_in_the_order_of_the_pairs_even_if_one_has_none() -> None:
    with AnswerChecker(num_workers=2, cpu_seconds=1.0) as checker:
        pairs = [("2x", "x+x"), (OTHER_ENDLESS, "1"), ("3x", "x+2x"), ("4", "5")]
        assert list(checker.results(pairs)) == [True, None, True, False]


def test_answers_of_one_value_share_a_group_and_missing_ones_share_none(checker: AnswerChecker) -> None:
    answers = [r"\frac{1}{2}", "0.5", "3", "", "x+x", "", "2x", "1/2"]
    assert checker.group_by_value(answers) == [0, 0, 1, 2, 3, 4, 3, 0]
