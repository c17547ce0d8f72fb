from __future__ import annotations

from collections import Counter

from components.select_responses.config import SelectResponsesConfig
from components.select_responses.step import run as select_responses
from components.shared.report.reject_samples import NOT_SHOWN, PER_REASON, rejected_rows
from components.shared.workspace import Workspace
from components.shared.workspace.lineage import stages_of
from tests.components.shared.report.stages import stage
from tests.components.shared.report.test_report_page import response
from tests.conftest import WriteRows


def test_each_reason_has_three_rows_and_the_command_for_more(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = [response(number, sample) for number in range(8) for sample in range(3)]
    config = SelectResponsesConfig(workspace=workspace.uri, responses=write_rows(workspace, rows, rows_per_part=6))
    folder = select_responses(config, workspace)
    (found,) = rejected_rows(stages_of(folder))
    assert (found.reason, found.number, round(found.share, 2), len(found.rows)) == ("not_best", 16, 0.67, PER_REASON)
    assert (
        found.command("gs://b/runs")
        == f"scalequest show gs://b/runs/{'/'.join(folder.split('/')[-2:])}/rejected/not_best --rows 20"
    )
    assert Counter(map(tuple, found.rows)) == {("question", "response", "detail"): PER_REASON}


def test_what_benchmarks_ask_is_not_spread() -> None:
    (found,) = rejected_rows([stage("decontaminate", 10, 8)])
    assert "decontaminate" in NOT_SHOWN
    assert (found.is_withheld, found.rows, found.number) == (True, (), 2)


def test_rows_that_are_gone_are_left_out() -> None:
    (found,) = rejected_rows([stage("filter_language", 10, 8)])
    assert (found.rows, found.number) == ([], 2)
