from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.generate_questions.config import GenerateQuestionsConfig
from components.generate_questions.step import run, slices_of
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.costs import PRICE, Account, Costs, account_of, costs_of, dollars, outlook_of
from components.shared.workspace.lineage import Stage, stages_of
from components.shared.workspace.listing import Descriptions, listing_of
from components.shared.workspace.manifests import Manifest
from components.shared.workspace.spending import SPENT

MANIFEST = Manifest(
    format=1,
    step="generate_responses",
    version=1,
    fingerprint="f",
    kind="response",
    options={},
    inputs={},
    prompts={},
    rows_in=1,
    rows_out=1,
    rejected={},
    parts=[],
    files={},
    metrics={},
    image="",
    versions={},
    written_at="",
)
METRICS = st.dictionaries(
    st.sampled_from(["seconds", "accelerator_seconds", "prompt_tokens", "output_tokens", "tokens", "loss"]),
    st.integers(0, 10**9).map(float),
)


def stage(number: int, metrics: dict[str, float]) -> Stage:
    return Stage(folder=f"f{number}", manifest=dataclasses.replace(MANIFEST, metrics=metrics), reads=())


@given(st.lists(METRICS, max_size=6))
def test_what_stages_took_together_is_the_sum_of_what_each_took(given_metrics: list[dict[str, float]]) -> None:
    stages = [stage(number, metrics) for number, metrics in enumerate(given_metrics)]
    account = Account(held={"f0": 1e5, "f1": 0.0, "f7": 3.0}, price_per_gpu_hour=2.0)
    together, single = costs_of(stages, account), [costs_of([each], account) for each in stages]
    for name in ("seconds", "gpu_hours", "gpu_hours_lost", "tokens_read", "tokens_written", "money"):
        total = sum(getattr(each, name) for each in single)
        assert abs(getattr(together, name) - total) <= 1e-6 * max(1, total)


def test_what_there_was_none_of_is_left_out_of_the_words() -> None:
    costs = Costs(seconds=7200, gpu_hours=0.0, tokens_read=0, tokens_written=5000)
    assert costs.sentence == "2 h 0 min of work, 5,000 tokens written"
    assert costs.sentence_for_each(10) == "720.0 s of work, 500 tokens written"
    assert costs.sentence_for_each(0) == ""
    assert costs_of([]).sentence == ""


def test_what_processes_held_counts_with_what_is_in_no_part_and_its_price() -> None:
    worked = stage(0, {"accelerator_seconds": 3600.0, "output_tokens": 50.0})
    costs = costs_of([worked], Account(held={"f0": 1.5}, price_per_gpu_hour=2.0))
    assert costs.sentence == "1.50 GPU-hours (0.50 of them in no part), $3.00, 50 tokens written"
    assert costs.sentence_for_each(10_000) == "0.5 GPU-seconds, $0.0003, 0 tokens written"
    assert costs.note == "the tokens of attempts that were killed"
    assert costs_of([worked]).note == "the work of attempts that were killed"
    assert costs_of([worked]).gpu_hours == 1


def test_a_folders_records_are_found_beside_it_and_the_price_in_its_dataset(workspace: Workspace) -> None:
    name = f"{SPENT}/generate_responses/0123456789abcdef/0123456789ab.7.99.abc123-8x000003600.json"
    storage.create_json(storage.join(workspace.uri, name), {})
    folder = storage.join(workspace.uri, "generate_responses/0123456789abcdef")
    stages = [Stage(folder=folder, manifest=dataclasses.replace(MANIFEST, metrics={PRICE: 2.5}), reads=())]
    account = account_of(stages)
    assert (account.held, account.price_per_gpu_hour) == ({folder: 8.0}, 2.5)
    assert costs_of(stages, account).money == 20
    assert account_of(stages, 1.0).price_per_gpu_hour == 1
    assert account_of([]) == Account()


def test_small_amounts_of_money_are_no_zero() -> None:
    assert [dollars(amount) for amount in (0, 0.00042, 0.5, 1234.5)] == ["$0.00", "$0.00042", "$0.5", "$1,234.50"]


def record_of(workspace: Workspace, folder: str, gpus: int, seconds: int) -> None:
    name = f"{folder.removeprefix(workspace.uri + '/')}/0123456789ab.7.99.{folder[-6:]}-{gpus}x{seconds:09d}.json"
    storage.create_json(storage.join(workspace.uri, SPENT, name), {})


def test_an_outlook_adds_what_stands_and_goes_on_at_the_rate_of_each_folder_in_the_making(workspace: Workspace) -> None:
    def config(**options: Any) -> GenerateQuestionsConfig:
        given: dict[str, Any] = {
            "generator": "g",
            "num_questions": 40,
            "engine": "scripted",
            "rows_per_part": 4,
        } | options
        return GenerateQuestionsConfig(workspace=workspace.uri, model="scripted:m", **given)

    record_of(workspace, finished := run(config(), workspace), 1, 3600)
    whole = costs_of(stages_of(finished))
    folder = workspace.open(config(seed=1)).begin_rows(Question, slices_of(config(seed=1)))
    for part in folder.missing_parts():
        part.add_to_metric("output_tokens", 100)
        for index in range(len(part)):
            part.settle(index, kept=[Question(id=f"{part.number}-{index}", question=f"What is {index}?")])
        if part.number == 3:
            break
    record_of(workspace, folder.uri, 2, 3600)
    workspace.open(config(seed=2)).begin_rows(Question, slices_of(config(seed=2)))
    outlook = outlook_of(listing_of(workspace.uri), Descriptions(), 2.5)
    assert outlook.so_far.tokens_written == whole.tokens_written + 400
    assert outlook.so_far.gpu_hours == pytest.approx(1 + 2)
    assert outlook.to_come.tokens_written == 600
    assert outlook.to_come.gpu_hours == pytest.approx(3)
    assert outlook.num_without_rate == 1
    assert outlook.sentence.startswith("so far in this workspace 3.00 GPU-hours")
    assert "$7.50" in outlook.sentence
    assert "about 3.00 GPU-hours, $7.50, 600 tokens written more for the folders in the making" in outlook.sentence
    assert outlook.sentence.endswith("; 1 of them have no part yet and are not in it")


def test_an_empty_workspace_has_nothing_to_say_of_costs(workspace: Workspace) -> None:
    assert outlook_of(listing_of(workspace.uri), Descriptions()).sentence == ""
