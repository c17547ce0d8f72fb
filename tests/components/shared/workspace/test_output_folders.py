from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.errors import UnavailableError
from components.shared.records import Question, Reject
from components.shared.stores import storage
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace import Workspace
from components.shared.workspace._gathered_ledgers import GATHERED
from components.shared.workspace._leases import LEASES
from components.shared.workspace.manifests import MANIFEST, read_manifest
from components.shared.workspace.output_folders import OutputFolder, Part
from components.shared.workspace.plans import Slice
from components.shared.workspace.tables import read_table
from tests.components.shared.other_processes import as_process, dead_name
from tests.components.shared.sample_folders import (
    SampleConfig,
    create_folder,
    settle,
    snapshot,
    some_row,
    write_folder,
)
from tests.stores import Store


@pytest.fixture
def workspace(store: Store) -> Workspace:
    """Return one on each kind of store."""
    return Workspace(store.uri)


@settings(max_examples=15)
@given(verdicts=st.lists(st.sampled_from(["", "empty", "non_english"]), max_size=30), rows_per_part=st.integers(1, 12))
def test_rows_in_are_rows_out_plus_those_rejected_and_each_is_in_one_of_both(
    verdicts: list[str], rows_per_part: int
) -> None:
    with TemporaryDirectory() as place:
        uri = write_folder(Workspace(place), verdicts, rows_per_part)

        manifest = read_manifest(uri)
        rejects = [r for p in manifest.parts if p.rejects for r in read_table(storage.join(uri, p.rejects)).to_pylist()]
        kept = [row.id for row in Workspace(place).read(uri, Question)]
        assert manifest.rows_in == len(verdicts) == manifest.rows_out + sum(manifest.rejected.values())
        assert manifest.rejected == {v: verdicts.count(v) for v in sorted({*verdicts} - {""})}
        assert kept == [str(i) for i, verdict in enumerate(verdicts) if not verdict]
        assert [(r["id"], r["reason"]) for r in rejects] == [(str(i), v) for i, v in enumerate(verdicts) if v]


@settings(max_examples=15)
@given(order=st.permutations(range(12)))
def test_rows_settled_in_any_order_are_the_same_part(order: list[int]) -> None:
    digests = set()
    for indices in (list(range(12)), order):
        with TemporaryDirectory() as place:
            folder = create_folder(Workspace(place), 12, 12)
            (part,) = folder.missing_parts()
            for index in indices:
                settle(part, index, "odd" if index % 2 else "")
            (entry,) = read_manifest(folder.finish()).parts
            digests.add((entry.digest, entry.rejects, entry.rejects_digest))
    assert len(digests) == 1


def test_a_row_that_is_not_accounted_for_stops_the_step(workspace: Workspace) -> None:
    (part,) = create_folder(workspace, 1, 1).missing_parts()
    with pytest.raises(AssertionError):
        part.settle(0)


def test_a_row_settled_twice_stops_the_step(workspace: Workspace) -> None:
    (part,) = create_folder(workspace, 2, 2).missing_parts()
    settle(part, 0)
    with pytest.raises(AssertionError):
        settle(part, 0)


def test_a_pod_that_forgot_a_row_does_not_pass_for_finished(workspace: Workspace) -> None:
    folder = create_folder(workspace, 2, 2)
    (part,) = folder.missing_parts()
    settle(part, 0)
    with pytest.raises(AssertionError, match="a row was not settled"):
        folder.finish()


def test_units_beyond_the_input_and_several_a_row_are_counted(workspace: Workspace) -> None:
    config = SampleConfig(workspace=workspace.uri)
    folder = workspace.open(config).begin_rows(Question, [Slice(start=0, stop=2)], units_per_row=2)
    (part,) = folder.missing_parts()
    part.settle(0, kept=[some_row(0), some_row(1)])
    part.settle(1, kept=[some_row(2)], rejected=[Reject(row=some_row(n), reason="cut_off") for n in (3, 4)], added=1)
    manifest = read_manifest(folder.finish())
    assert (manifest.rows_in, manifest.rows_out, manifest.rejected) == (5, 3, {"cut_off": 2})


def test_metrics_add_up_over_parts_and_what_json_cannot_say_is_left_out(
    workspace: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    folder = create_folder(workspace, 4, 2)
    for part in folder.missing_parts():
        part.add_to_metric("tokens", 5)
        for index in range(2):
            part.add_to_metric("tokens", 1)
            settle(part, index)
    manifest = read_manifest(folder.finish(lambda sums: {"loss": float("nan"), "rate": sums["tokens"] / 28}))
    assert manifest.metrics["tokens"] == 14
    assert manifest.metrics["rate"] == 0.5
    assert "loss" not in manifest.metrics
    assert "the metric loss is nan; the manifest leaves it out" in caplog.text


def test_half_a_surrogate_pair_in_a_reply_costs_no_part(workspace: Workspace) -> None:
    folder = create_folder(workspace, 2, 2)
    (part,) = folder.missing_parts()
    part.settle(0, kept=[Question(id="a", question="\ud800?")])
    part.settle(1, rejected=[Reject(row=some_row(1), reason="cut_off", detail="\udfff")])
    assert [row.question for row in workspace.read(folder.finish(), Question)] == ["\ufffd?"]


def test_an_empty_part_of_the_input_is_an_empty_part_of_the_output(workspace: Workspace) -> None:
    config = SampleConfig(workspace=workspace.uri)
    folder = workspace.open(config).begin_rows(Question, [Slice(start=0, stop=0), Slice(part=1, start=0, stop=1)])
    for part in folder.missing_parts():
        for index in range(len(part)):
            settle(part, index)
    assert [part.rows for part in read_manifest(folder.finish()).parts] == [0, 1]


def test_finished_parts_are_left_alone_and_only_the_others_are_made(workspace: Workspace) -> None:
    with as_process(dead_name()):
        folder = create_folder(workspace, 6, 2)
    for part in list(folder.missing_parts())[:2]:
        for index in range(2):
            settle(part, index)
    before = snapshot(folder.uri)

    missing = list(create_folder(workspace, 6, 2).missing_parts())

    assert [part.number for part in missing] == [2]
    assert before.items() <= snapshot(folder.uri).items()


def test_a_part_that_another_process_wrote_first_counts(workspace: Workspace) -> None:
    with as_process(dead_name()):
        slow = create_folder(workspace, 1, 1)
    loser = next(slow.missing_parts())
    winner = next(create_folder(workspace, 1, 1).missing_parts())
    winner.settle(0, kept=[Question(id="0", question="first")])
    loser.settle(0, rejected=[Reject(row=some_row(0), reason="late")])
    manifest = read_manifest(create_folder(workspace, 1, 1).finish())
    assert (manifest.rows_out, manifest.rejected, manifest.parts[0].rejects) == (1, {}, "")


def test_all_pods_dying_just_before_the_manifest_leaves_it_to_whoever_comes_next(store: Store) -> None:
    for count in (2, 3):
        for part in islice(create_folder(Workspace(store.uri), 5, 1).missing_parts(), count):
            settle(part, 0)

    folder = create_folder(Workspace(store.uri), 5, 1)
    assert list(folder.missing_parts()) == []
    assert read_manifest(folder.finish()).rows_out == 5


@pytest.mark.parametrize("num_pods", [2, 4])
def test_pods_that_finish_at_the_same_moment_are_all_content_and_leave_no_leases(store: Store, num_pods: int) -> None:
    for attempt in range(1 if storage.is_remote(store.uri) else 12):
        workspace = Workspace(storage.join(store.uri, str(attempt)))
        folders = [create_folder(workspace, 8, 1) for _ in range(num_pods)]
        parts = [list(islice(folder.missing_parts(), 8 // num_pods)) for folder in folders]
        barrier = threading.Barrier(num_pods)

        def work(folder: OutputFolder, own: list[Part], barrier: threading.Barrier = barrier) -> str:
            for part in own:
                if part is own[-1]:
                    barrier.wait()
                settle(part, 0, "odd" if part.number % 2 else "")
            return folder.finish()

        with ThreadPoolExecutor(num_pods) as threads:
            (uri,) = set(threads.map(work, folders, parts))
        assert verify_folder(uri).sound
        assert (read_manifest(uri).rows_out, read_manifest(uri).rejected) == (4, {"odd": 4})
        # A store may still list a folder that is empty.
        assert not any(any(storage.list_files(storage.join(uri, name)).values()) for name in (LEASES, GATHERED))


def test_a_pod_that_leaves_parts_to_others_leaves_the_manifest_to_them(store: Store) -> None:
    folder = create_folder(Workspace(store.uri), 4, 1)
    for part in islice(folder.missing_parts(), 2):
        settle(part, 0)
    uri = folder.finish()
    assert not storage.exists(storage.join(uri, MANIFEST))
    with pytest.raises(
        UnavailableError, match=r": 2 of 4 parts \(part-00002.parquet, part-00003.parquet\) are missing"
    ):
        read_manifest(uri)  # this process lives


def test_ids_made_from_nothing_are_unique_by_folder_and_index(workspace: Workspace) -> None:
    folder = create_folder(workspace, 1, 1)
    assert folder.row_id(17) == f"{folder.fingerprint[:8]}-0000017"
