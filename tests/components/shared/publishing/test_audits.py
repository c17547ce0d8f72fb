from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import run as package_dataset
from components.shared.errors import InputError
from components.shared.publishing.audits import (
    Judged,
    allocate,
    audit_section,
    check_verdicts,
    draw_sample,
    error_rates,
    judged_rows,
    render_page,
    save_verdicts,
    tables_of,
)
from components.shared.publishing.contents import published
from components.shared.records import Example
from components.shared.stores import storage
from components.shared.upkeep.garbage import survey
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace import Workspace
from tests.components.package_dataset.test_step import response
from tests.conftest import WriteRows


@pytest.fixture
def dataset(workspace: Workspace, write_rows: WriteRows) -> str:
    rows = [
        response(
            number, source="rare" if number == 7 else "first" if number % 3 else "second", num_agreeing=1 + number % 2
        )
        for number in range(90)
    ]
    responses = write_rows(workspace, rows, rows_per_part=20)
    return package_dataset(PackageDatasetConfig(workspace=workspace.uri, responses=responses), workspace)


def verdicts(folder: str, num_rows: int = 30, **changes: Any) -> bytes:
    """Return the file of a page on which every third row is an error, and one row in ten is unsure."""
    sample = draw_sample(folder, num_rows, 0)
    said = ["wrong_response" if n % 3 == 0 else "unsure" if n % 10 == 1 else "good" for n in range(len(sample.rows))]
    entries = [{"id": row.id, "verdict": word, "note": ""} for row, word in zip(sample.rows, said, strict=True)]
    file = {
        "format": 1,
        "dataset": sample.fingerprint,
        "num_rows": num_rows,
        "seed": 0,
        "auditor": "",
        "verdicts": entries,
    }
    return json.dumps(file | changes).encode()


def test_a_sample_has_each_group_by_its_share_and_is_the_same_again(dataset: str) -> None:
    sample = draw_sample(dataset, 30, 0)
    assert sample == draw_sample(dataset, 30, 0)
    assert sample.rows != draw_sample(dataset, 30, 1).rows
    assert len(sample.rows) == 30 == len({row.id for row in sample.rows})
    counts = Counter(row.source for row in sample.rows)
    assert counts["rare"] == 1
    assert 17 <= counts["first"] <= 21
    assert len(draw_sample(dataset, 1000, 0).rows) == 90


@given(
    st.dictionaries(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), st.integers(1, 500), min_size=1),
    st.integers(1, 300),
)
def test_sizes_add_up_and_each_group_is_looked_at(counts: dict[tuple[str, str], int], number: int) -> None:
    sizes = allocate(counts, number)
    assert sum(sizes.values()) == min(number, sum(counts.values()))
    assert all(0 <= sizes[group] <= counts[group] for group in counts)
    if number >= len(counts):
        assert all(sizes.values())


def test_the_page_loads_nothing_hides_the_groups_and_obeys_no_row(workspace: Workspace, write_rows: WriteRows) -> None:
    hostile = response(
        1, question='</script><script>alert(1)</script><img src=x onerror="alert(2)">', source="tell-tale"
    )
    responses = write_rows(workspace, [hostile])
    folder = package_dataset(PackageDatasetConfig(workspace=workspace.uri, responses=responses), workspace)
    page = render_page(draw_sample(folder, 5, 0))
    assert page.count("<script") == 2 == page.count("</script>")
    assert "<img" not in page
    assert not re.search(r"(?:src|href)\s*=|url\(|https?:|@import", page.replace("img src=x", ""))
    assert "tell-tale" not in page
    (content,) = re.findall(r'<script type="application/json" id="content">(.*?)</script>', page)
    assert json.loads(content)["rows"][0]["question"] == hostile.question


def test_verdicts_are_kept_beside_the_dataset_and_told_on_the_card(dataset: str) -> None:
    said = check_verdicts(verdicts(dataset), dataset, "v.json")
    assert save_verdicts(said, dataset) == save_verdicts(said, dataset)
    assert verify_folder(dataset).sound
    judged = judged_rows(dataset)
    assert Counter(row.is_error for row in judged) == {True: 10, False: 20}
    tiers = {row.id: (row.tier, row.source) for row in draw_sample(dataset, 30, 0).rows}
    assert [(row.tier, row.source) for row in judged] == [tiers[id_] for id_ in sorted(tiers)]
    (everything,) = tables_of(judged)["all"]
    assert (everything.num_errors, everything.num_judged) == (10, 30 - sum(row.is_unsure for row in judged))
    assert everything.low < everything.share < everything.high
    assert {rate.group for rate in tables_of(judged)["generator"]} == {"first", "second", "rare"}
    contents = published(dataset, "name")
    card = contents.card.decode()
    assert card.startswith(storage.read_bytes(f"{dataset}/README.md").decode())
    assert "README.md" not in [file.name for file in contents.files]
    assert f"| all rows | 10 | {everything.num_judged} |" in card
    assert "| agreed 2 of 5 |" in audit_section(dataset)


def test_gc_keeps_the_audits_of_a_dataset(dataset: str, workspace: Workspace) -> None:
    uri = save_verdicts(check_verdicts(verdicts(dataset), dataset, "v.json"), dataset)
    (found,) = [each for each in survey(workspace.uri, min_age_hours=0.0) if uri.endswith(each.object.name)]
    assert found.status == "needed"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dataset": "0123456789abcdef"}, "is about the dataset 0123456789abcdef"),
        ({"seed": 5}, "is not in this sample of 30 rows"),
        ({"verdicts": [{"id": "q1-9", "verdict": "good"}]}, "'q1-9' is not in this sample"),
        ({"verdicts": []}, "has no verdicts"),
        ({"verdicts": "good"}, "verdicts not as the page of an audit writes it"),
        ({"format": 2}, "not as the page of an audit writes it"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(dataset: str, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=re.escape(words)):
        check_verdicts(verdicts(dataset, **changes), dataset, "v.json")


def test_a_file_with_a_strange_or_repeated_verdict_is_refused(dataset: str) -> None:
    said = json.loads(verdicts(dataset))
    twice = said | {"verdicts": [said["verdicts"][0]] * 2}
    with pytest.raises(InputError, match="twice"):
        check_verdicts(json.dumps(twice).encode(), dataset, "v.json")
    said["verdicts"][3]["verdict"] = "great"
    with pytest.raises(InputError, match="'great' on the row"):
        check_verdicts(json.dumps(said).encode(), dataset, "v.json")
    with pytest.raises(InputError, match="is no JSON"):
        check_verdicts(b"<html>", dataset, "v.json")


def test_what_is_no_dataset_is_refused(workspace: Workspace, write_rows: WriteRows) -> None:
    with pytest.raises(InputError, match="holds response rows; expected a dataset"):
        draw_sample(write_rows(workspace, [response(1)]), 5, 0)


def test_a_row_is_an_error_if_one_of_several_auditors_says_so(dataset: str) -> None:
    for word in ("good", "broken_question"):
        said = json.loads(verdicts(dataset))
        said["verdicts"] = [entry | {"verdict": word} for entry in said["verdicts"][:1]]
        save_verdicts(check_verdicts(json.dumps(said).encode(), dataset, "v.json"), dataset)
    (row,) = judged_rows(dataset)
    assert row.is_error


def test_rows_of_which_nobody_can_tell_do_not_count() -> None:
    rows = [Judged(tier="verified", source="s", verdicts=frozenset({word})) for word in ("good", "unsure")]
    (rate,) = error_rates(rows, lambda row: row.tier)
    assert (rate.num_errors, rate.num_judged) == (0, 1)


def test_a_dataset_that_nobody_looked_at_has_no_section(dataset: str, workspace: Workspace) -> None:
    assert audit_section(dataset) == ""
    assert published(dataset, "name").card == b""
    assert len(list(workspace.read(dataset, Example))) == 90
