from __future__ import annotations

import json
from pathlib import Path

import pytest

from components.shared.records import Question
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.plans import read_plan_or_none
from components.shared.workspace.sampled_parts import SAMPLE
from pipelines.planning.measured import measured
from tests.conftest import WriteRows
from tests.fault_proxy import fault_proxy, new_clients
from tests.pipelines.answered import answer_run, run_to_its_end
from tests.pipelines.planning.test_plan_command import planned
from tests.stores import Store

QUESTIONS = [
    Question(id=f"q{number}", question=f"{number}?", answer="", source="given") for number in range(3 * SAMPLE)
]


def test_the_plan_of_a_finished_run_asks_its_store_as_often_however_many_rows_and_parts_it_has(
    s3_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, rows = [], []
    with fault_proxy(s3_store.environment["AWS_ENDPOINT_URL"], share=0) as proxy, new_clients():
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        for number, settings in (
            (2, []),
            (6, ["filter_solvability.rows_per_part=1", "generate_responses.rows_per_part=1"]),
        ):
            workspace = f"{s3_store.uri}/{number}"
            given = [f"import_questions.num_questions={number}", *settings]
            run_to_its_end(answer_run(workspace, *given))
            before = proxy.calls.total()
            words = [word for setting in given for word in ("--set", setting)]
            document = json.loads(planned("answer-smoke", *words, "--workspace", workspace, "--json"))
            calls.append(proxy.calls.total() - before)
            assert document["nothing_to_do"]
            rows.append(document["steps"][3]["rows"]["rows_in"]["value"])
    assert rows[1] > 2 * rows[0]
    assert calls[1] == calls[0] <= 11 * len(document["steps"])


@pytest.mark.parametrize("rows_per_part", [1, 2, len(QUESTIONS)])
def test_a_folder_in_the_making_is_measured_by_a_sample_of_its_parts_and_what_lies_there(
    rows_per_part: int, workspace: Workspace, write_rows: WriteRows
) -> None:
    folder = write_rows(workspace, QUESTIONS, rows_per_part=rows_per_part)
    whole = measured(folder, read_manifest(folder))
    assert whole
    bytes_of_manifest = Path(folder, "_manifest.json").stat().st_size
    bytes_of_rest = whole.num_bytes - bytes_of_manifest  # the files are listed here, before one is taken away
    Path(folder, "_manifest.json").unlink()
    plan = read_plan_or_none(folder)
    made = measured(folder, plan)
    assert made
    assert (made.rows_in, made.rows_out, made.rows_read) == (len(QUESTIONS), len(QUESTIONS), len(QUESTIONS))
    assert made.num_bytes == bytes_of_rest > sum(path.stat().st_size for path in Path(folder).glob("*.parquet"))
    assert made.source == f"given_rows/{whole.described.fingerprint} of this workspace, the parts that are written"


def test_a_folder_without_a_part_says_nothing(workspace: Workspace, write_rows: WriteRows) -> None:
    folder = write_rows(workspace, QUESTIONS[:1])
    for name in ("_manifest.json", "part-00000.parquet"):
        Path(folder, name).unlink()
    assert measured(folder, read_plan_or_none(folder)) is None
