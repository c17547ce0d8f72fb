from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import example_of, run
from components.select_responses.config import SelectResponsesConfig
from components.select_responses.step import run as select_responses
from components.shared.publishing.markdown import inert_text
from components.shared.records import Example, Response
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.conftest import WriteRows

SCRIPT = "</pre></script><script>alert('|`pwned`|')</script>\n## Not a heading"


def response(number: int, **values: Any) -> Response:
    base = Response(
        id=f"q{number}-1",
        question_id=f"q{number}",
        question=f"What is {number} + {number}?",
        answer="",
        source="qwen2-math" if number % 3 else "deepseek-math",
        difficulty=number / 10,
        sample=1,
        response=rf"Twice {number} is \boxed{{{2 * number}}}.",
        final_answer=str(2 * number),
        finish_reason="stop",
        num_tokens=10 + number,
        reward=float(number),
        num_agreeing=1 + number % 2,
        num_candidates=5,
    )
    return dataclasses.replace(base, **values)


def config_for(workspace: Workspace, responses: str, **options: Any) -> PackageDatasetConfig:
    return PackageDatasetConfig(workspace=workspace.uri, responses=responses, **options)


@pytest.mark.parametrize(("keep_thoughts", "published"), [(False, ""), (True, "Twice two?")])
def test_a_thought_is_published_only_where_it_is_asked_for(
    workspace: Workspace, write_rows: WriteRows, keep_thoughts: bool, published: str
) -> None:
    responses = write_rows(workspace, [response(2, thought="Twice two?")])
    folder = run(config_for(workspace, responses, keep_thoughts=keep_thoughts), workspace)
    assert [row.thought for row in workspace.read(folder, Example)] == [published]


def text_of(folder: str, name: str) -> str:
    return storage.read_bytes(storage.join(folder, name)).decode()


def front_matter_of(card: str) -> dict[str, Any]:
    matter = yaml.safe_load(card.split("---\n")[1])
    assert isinstance(matter, dict)
    return matter


def test_parquet_and_jsonl_hold_every_response_in_order(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = [response(n, response=f'Line {n}\n"quoted" π \\frac', difficulty=None if n == 3 else 0.5) for n in range(7)]
    folder = run(config_for(workspace, write_rows(workspace, rows, rows_per_part=3)), workspace)
    published = list(workspace.read(folder, Example))
    assert published == [example_of(row) for row in rows]
    names = [name for name in storage.list_files(folder) if name.startswith("jsonl/")]
    assert names == ["jsonl/part-00000.jsonl", "jsonl/part-00001.jsonl", "jsonl/part-00002.jsonl"]
    lines = [json.loads(line) for name in names for line in text_of(folder, name).splitlines()]
    assert [Example(**line | {"history": tuple(line["history"])}) for line in lines] == published


def test_what_select_responses_compared_is_not_compared_again(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = [
        response(2, answer="4", is_right=False),  # not what a comparison says: it shows who was asked
        response(3, answer="6"),  # has not been through select_responses
        response(4, answer="5"),
        response(5),
    ]
    folder = run(config_for(workspace, write_rows(workspace, rows)), workspace)
    tiers = [row.tier for row in workspace.read(folder, Example)]
    assert tiers == ["constructed", "verified", "constructed", "agreed 2 of 5"]


def test_names_from_outside_do_nothing_in_the_card(workspace: Workspace, write_rows: WriteRows) -> None:
    hostile = "![x](http://evil.example/x.png) [y](javascript:z) <b> | `c` www.evil.example"
    responses = write_rows(workspace, [response(n, source=hostile) for n in range(2)])
    card = text_of(run(config_for(workspace, responses, title=hostile, license="mit"), workspace), "README.md")
    lines = card.split("---\n", 2)[2].splitlines()
    shown = "\n".join(line for line in lines if not line.startswith("    "))  # without the row that is shown as code
    assert f"# {inert_text(hostile)}" in shown
    assert [part for part in ("](", "<b>", "://evil", "www.evil", "`c`") if part in shown] == []


def test_the_card_has_the_front_matter_of_hubs_and_the_counts(workspace: Workspace, write_rows: WriteRows) -> None:
    responses = write_rows(workspace, [response(n) for n in range(11)])
    card = text_of(run(config_for(workspace, responses, title="My: set", license="cc-by-4.0"), workspace), "README.md")
    matter = front_matter_of(card)
    assert (matter["pretty_name"], matter["license"], matter["size_categories"]) == ("My: set", "cc-by-4.0", ["n<1K"])
    assert "11 responses to mathematical questions" in card
    assert r"| qwen2\-math | 7 |" in card
    assert r"| deepseek\-math | 4 |" in card
    assert "| 2 of 5 | 5 |" in card
    assert "| 9 to 10 | 2 |" in card  # rewards 0 to 10 in ten bins


def test_an_unknown_licence_is_said_to_be_unknown(workspace: Workspace, write_rows: WriteRows) -> None:
    card = text_of(run(config_for(workspace, write_rows(workspace, [response(1)])), workspace), "README.md")
    assert front_matter_of(card)["license"] == "unknown"
    assert "nobody has stated it yet" in card


def test_what_models_wrote_cannot_become_markup(workspace: Workspace, write_rows: WriteRows) -> None:
    evil = response(1, question=SCRIPT, response=SCRIPT, final_answer=SCRIPT, source=SCRIPT)
    folder = run(config_for(workspace, write_rows(workspace, [evil]), title=f"T {SCRIPT}"), workspace)
    for name in ("README.md", "report.html"):
        assert "<script" not in text_of(folder, name).lower(), name
    page, card = text_of(folder, "report.html"), text_of(folder, "README.md")
    assert "&lt;script&gt;alert" in page
    assert "\n## Not a heading" not in card
    assert front_matter_of(card)["pretty_name"] == f"T {SCRIPT}"


def test_the_report_page_loads_nothing_and_shows_samples(workspace: Workspace, write_rows: WriteRows) -> None:
    folder = run(config_for(workspace, write_rows(workspace, [response(n) for n in range(9)])), workspace)
    page = text_of(folder, "report.html")
    assert not any(marker in page for marker in ("http://", "https://", "src=", "@import", "url("))
    assert page.count("<article ") == 9
    assert "given_rows" in page  # the stage that the rows came through


def test_the_lineage_has_the_manifest_of_every_stage(workspace: Workspace, write_rows: WriteRows) -> None:
    responses = write_rows(workspace, [response(1)])
    folder = run(config_for(workspace, responses), workspace)
    lineage = json.loads(text_of(folder, "lineage.json"))
    (stage,) = lineage["stages"]
    manifest = read_manifest(responses)
    assert stage["folder"] == "/".join(responses.split("/")[-2:])  # not where it was made
    assert {name: stage[name] for name in ("step", "fingerprint", "options", "rows_in", "rejected")} == {
        "step": "given_rows",
        "fingerprint": manifest.fingerprint,
        "options": manifest.options,
        "rows_in": 1,
        "rejected": {},
    }


def test_several_folders_make_one_dataset(workspace: Workspace, write_rows: WriteRows) -> None:
    folders = [write_rows(workspace, [response(n)]) for n in (1, 2)]
    folder = run(config_for(workspace, json.dumps(folders)), workspace)
    assert [row.id for row in workspace.read(folder, Example)] == ["q1-1", "q2-1"]
    assert len(json.loads(text_of(folder, "lineage.json"))["stages"]) == 2


def test_rows_that_were_rejected_before_are_published_with_their_history(
    workspace: Workspace, write_rows: WriteRows
) -> None:
    rows = [response(7, id=f"q7-{n}", sample=n, reward=float(n)) for n in range(3)]
    selected = select_responses(
        SelectResponsesConfig(workspace=workspace.uri, responses=write_rows(workspace, rows)), workspace
    )
    folder = run(config_for(workspace, json.dumps([selected, f"{selected}/rejected/not_best"])), workspace)
    where = "/".join(selected.split("/")[-2:])
    assert {row.id: row.history for row in workspace.read(folder, Example)} == {
        "q7-2": (),
        "q7-0": (f"{where}: not_best",),
        "q7-1": (f"{where}: not_best",),
    }
    page = text_of(folder, "report.html")
    stages = json.loads(text_of(folder, "lineage.json"))["stages"]
    given = read_manifest(selected).inputs["responses"][0].uri
    assert [stage["folder"] for stage in stages] == ["/".join(uri.split("/")[-2:]) for uri in (given, selected)]
    assert workspace.uri not in text_of(folder, "lineage.json")
    assert all(stage["rows_in"] == stage["rows_out"] + sum(stage["rejected"].values()) for stage in stages)
    assert (f'title="{where}' in page, workspace.uri in page) == (True, False)  # not where it was made


@pytest.mark.parametrize(
    "lost",
    [
        ["_manifest.json"],
        ["_manifest.json", "README.md", "part-00001.parquet"],
        ["_manifest.json", "README.md", "data/train-00000.parquet"],
    ],
)
def test_a_killed_step_ends_in_the_same_folder(workspace: Workspace, write_rows: WriteRows, lost: list[str]) -> None:
    config = config_for(workspace, write_rows(workspace, [response(n) for n in range(5)], rows_per_part=2))
    folder = run(config, workspace)
    names = [name for name in storage.list_files(folder) if not name.startswith(("_", "part-"))]
    before = {name: storage.read_bytes(storage.join(folder, name)) for name in names}
    parts = read_manifest(folder).parts
    for name in lost:
        storage.local_path(storage.join(folder, name)).unlink()
    assert run(config, workspace) == folder
    assert {name: storage.read_bytes(storage.join(folder, name)) for name in names} == before
    assert read_manifest(folder).parts == parts


def test_the_manifest_names_what_stands_beside_the_parts(workspace: Workspace, write_rows: WriteRows) -> None:
    responses = write_rows(workspace, [response(n) for n in range(4)], rows_per_part=2)
    folder = run(config_for(workspace, responses), workspace)
    manifest = read_manifest(folder)
    parts = {part.name for part in manifest.parts} | {"_manifest.json", "_plan.json"}
    forms = {"data/train-00000.parquet", "rl/train-00000.parquet"} | {f"jsonl/part-0000{n}.jsonl" for n in range(2)}
    assert set(manifest.files) == {"README.md", "report.html", "lineage.json", "croissant.json"} | forms
    assert set(storage.list_files(folder)) == parts | set(manifest.files)
    digests = {name: storage.digest_file(storage.local_path(storage.join(folder, name))) for name in manifest.files}
    assert digests == manifest.files


def test_a_dataset_without_rows_names_no_files_to_load(workspace: Workspace, write_rows: WriteRows) -> None:
    selected = select_responses(
        SelectResponsesConfig(workspace=workspace.uri, responses=write_rows(workspace, [response(1)])), workspace
    )
    folder = run(config_for(workspace, f"{selected}/rejected"), workspace)
    assert "configs" not in front_matter_of(text_of(folder, "README.md"))
    assert not [name for name in read_manifest(folder).files if name.endswith(".parquet")]


def test_questions_with_known_answers_are_compared_by_value(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = [
        response(1, answer="4/2", num_agreeing=3),
        response(2, answer="5", num_agreeing=3),
        response(3, num_agreeing=3),
        response(4, num_agreeing=2),
        response(5, final_answer=""),
    ]
    folder = run(config_for(workspace, write_rows(workspace, rows)), workspace)
    content = io.BytesIO(storage.read_bytes(storage.join(folder, "rl/train-00000.parquet")))
    problems = pq.read_table(content).select(["answer", "tier", "pass_rate"]).to_pylist()
    assert [tuple(problem.values()) for problem in problems] == [
        ("4/2", "verified", 0.6),
        ("5", "constructed", None),
        ("6", "agreed 3 of 5", 0.6),
        ("8", "agreed 2 of 5", 0.4),
    ]
    card = text_of(folder, "README.md")
    assert "| `rl` | train | 4 |" in card
    assert "| agreed 3 of 5 | 1 | 20.0 % | so many of the question's responses" in card
    assert [row.tier for row in workspace.read(folder, Example)][:2] == ["verified", "constructed"]
    assert "Not in `rl`: 1 rows without an answer, 0 of questions that" in card


@pytest.mark.parametrize(
    ("by", "said"), [("reward", ", of which a reward model chose one."), ("agreement", "most of them have"), ("", "")]
)
def test_the_card_says_how_one_of_several_responses_was_chosen(
    workspace: Workspace, write_rows: WriteRows, by: str, said: str
) -> None:
    responses = write_rows(workspace, [response(n) for n in range(2)])
    if by:
        config = SelectResponsesConfig(workspace=workspace.uri, responses=responses, by=by)
        responses = select_responses(config, workspace)
    card = text_of(run(config_for(workspace, responses), workspace), "README.md")
    sentence = card.partition("; with the responses that came with them")[2].partition("\nThe responses have")[0]
    assert " ".join(said.split()) in sentence
    assert ("of which" in sentence) == bool(by)


def test_other_columns_of_the_questions_are_published(workspace: Workspace, write_rows: WriteRows) -> None:
    responses = write_rows(workspace, [response(2, metadata='{"id": 17}')])
    folder = run(config_for(workspace, responses), workspace)
    assert [json.loads(row.metadata)["id"] for row in workspace.read(folder, Example)] == [17]
