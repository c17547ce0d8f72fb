from __future__ import annotations

from itertools import islice

import pytest

from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.sampled_parts import SAMPLE, written_parts
from tests.components.shared.sample_folders import create_folder, settle
from tests.store_calls import counted_calls


@pytest.mark.parametrize(("num_parts", "num_read"), [(1, 1), (SAMPLE, SAMPLE), (2 * SAMPLE - 1, SAMPLE)])
def test_of_the_parts_that_stand_at_most_so_many_are_read_and_the_sums_are_those_of_all(
    workspace: Workspace, num_parts: int, num_read: int
) -> None:
    folder = create_folder(workspace, 80, 2)
    for part in islice(folder.missing_parts(), num_parts):
        part.add_to_metric("output_tokens", 10)
        settle(part, 0)
        settle(part, 1)
    names = storage.list_names(folder.uri)
    with counted_calls() as calls:
        parts = written_parts(folder.uri, folder.claim.plan, names)
    assert parts is not None
    assert (parts.rows, parts.share) == (num_parts * 2, num_parts / 40)
    assert parts.rows_in == parts.rows_out == pytest.approx(num_parts * 2)
    assert parts.metrics["output_tokens"] == pytest.approx(num_parts * 10)
    assert calls.num_read(".parquet") == num_read


def test_without_a_part_nothing_is_known(workspace: Workspace) -> None:
    folder = create_folder(workspace, 4, 2)
    assert written_parts(folder.uri, folder.claim.plan, storage.list_names(folder.uri)) is None
