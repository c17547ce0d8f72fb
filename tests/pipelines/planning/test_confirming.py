from __future__ import annotations

import io
import os
import pty
import subprocess
import sys

import pytest

from components.shared.errors import InputError
from pipelines.planning.confirming import Spending, confirm
from pipelines.planning.figures import Total
from pipelines.planning.run_plans import RunPlan, Totals
from tests.source_tree import ROOT

NONE = Total()
ASK = """
from tests.pipelines.planning.test_confirming import plan_of_hours
from pipelines.planning.confirming import Spending, confirm
confirm(plan_of_hours(12.0), Spending())
print("goes on")
"""


def plan_of_hours(hours: float, *unknown: str, profile: str = "gke-a100-80g") -> RunPlan:
    """A plan of which only GPU-hours matter, and where they are."""
    gpu_hours, money = Total(value=hours, unknown=unknown), Total(value=2 * hours, unknown=unknown)
    totals = Totals(
        tokens_read=NONE, tokens_written=NONE, gpu_hours=gpu_hours, money=money, seconds=NONE, num_bytes=NONE
    )
    return RunPlan(
        preset="p",
        pipeline="q",
        workspace="w",
        profile=profile,
        price_per_gpu_hour=None,
        steps=(),
        totals=totals,
        pods=(),
    )


@pytest.mark.parametrize(
    ("hours", "unknown", "spending"),
    [
        (10.0, (), Spending()),
        (12.0, (), Spending(ask_above=12.0)),
        (12.0, (), Spending(yes=True)),
        (0.0, ("train_sft",), Spending(yes=True)),
        (0.0, (), Spending(ask_above=0.0)),
    ],
)
def test_a_run_within_the_limit_or_with_yes_starts_without_a_question(
    hours: float, unknown: tuple[str, ...], spending: Spending, capsys: pytest.CaptureFixture[str]
) -> None:
    confirm(plan_of_hours(hours, *unknown), spending)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("hours", "unknown", "message"),
    [
        (12.0, (), r"expected to take 12.0 GPU-hours \(\$24.00\): more than --ask-above 10 allows .*add --yes"),
        (0.0, ("train_sft",), "0.0 GPU-hours.*; of train_sft it is unknown how many: .*there is no terminal to ask at"),
    ],
)
def test_without_a_terminal_a_run_above_the_limit_is_refused_and_waits_for_nobody(
    hours: float, unknown: tuple[str, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(InputError, match=message):
        confirm(plan_of_hours(hours, *unknown), Spending())


def test_on_this_machine_only_hours_that_are_known_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    confirm(plan_of_hours(10.0, "train_sft", profile=""), Spending())
    with pytest.raises(InputError, match=r"12\.0 GPU-hours.*; of train_sft it is unknown how many"):
        confirm(plan_of_hours(12.0, "train_sft", profile=""), Spending())


@pytest.mark.parametrize(("answer", "goes_on"), [(b"y\n", True), (b"yes\n", True), (b"\n", False), (b"no\n", False)])
def test_at_a_terminal_only_yes_goes_on(answer: bytes, goes_on: bool) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ASK],
        stdin=theirs, stderr=theirs, stdout=subprocess.PIPE,
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    os.close(theirs)
    os.write(ours, answer)
    said, _ = process.communicate(timeout=120)
    os.close(ours)
    assert (b"goes on" in said, process.returncode == 0) == (goes_on, goes_on)
