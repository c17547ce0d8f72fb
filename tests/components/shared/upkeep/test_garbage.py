from __future__ import annotations

import posixpath
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.shared.errors import InputError, UnavailableError
from components.shared.records import Question
from components.shared.stores import inventory, storage
from components.shared.upkeep import garbage_removal
from components.shared.upkeep.garbage import Finding, survey
from components.shared.upkeep.garbage_removal import remove_garbage
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace import Workspace
from components.shared.workspace._leases import LEASES
from components.shared.workspace._uses import IN_USE, mark_use, removal_of
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.plans import PLAN, read_plan_or_none
from components.shared.workspace.run_records import RunRecorder
from tests.components.rejects import read_rejects
from tests.components.shared.sample_folders import snapshot, write_folder
from tests.components.shared.sample_graphs import join, plan_join, publish, score, train_model
from tests.stores import Store

WEEK = 7 * 24 * 3600
Ages = Callable[[str], None]


@contextmanager
def aged(is_old: Callable[[str], bool]) -> Iterator[None]:
    """Let objects be a month older whose address is of the kind."""
    original = inventory._time

    def time_of(info: dict[str, Any]) -> float:
        return original(info) - (30 * 24 * 3600 if is_old(info["name"]) else 0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inventory, "_time", time_of)
        yield


@pytest.fixture
def all_old() -> Iterator[None]:
    """Everything in stores is a month old."""
    with aged(lambda _: True):
        yield


def found_in(workspace: str, **options: Any) -> list[Finding]:
    """Return what is found of all but the marks that runs leave."""
    return [each for each in survey(workspace, **options) if not each.object.name.startswith(IN_USE)]


def statuses(workspace: Workspace, **options: Any) -> dict[str, str]:
    """Return the status of each folder; a folder whose objects differ has several."""
    found: dict[str, set[str]] = {}
    for finding in found_in(workspace.uri, **options):
        found.setdefault(finding.folder, set()).add(finding.status)
    return {folder: " ".join(sorted(names)) for folder, names in found.items()}


def name_of(uri: str) -> str:
    """Return a folder as findings name it."""
    return "/".join(uri.split("/")[-2:])


def reasons(findings: list[Finding], status: str) -> dict[str, str]:
    return {finding.object.name: finding.reason for finding in findings if finding.status == status}


@settings(max_examples=25)
@given(data=st.data())
def test_all_that_a_dataset_or_a_young_folder_was_made_from_survives_and_the_rest_goes(data: st.DataObject) -> None:
    with TemporaryDirectory() as place:
        workspace = Workspace(f"{place}/w")
        graph = _make_graph(data, workspace)
        old = {uri for uri, (_, kind) in graph.items() if data.draw(st.booleans()) or kind == "dataset"}
        keep = [uri for uri in graph if data.draw(st.integers(0, 9)) == 0]
        wanted = _with_sources(graph, {u for u in graph if graph[u][1] == "dataset" or u not in old or u in keep})
        before = snapshot(workspace.uri)
        with aged(lambda name: any(uri in name for uri in [*old, IN_USE])):
            findings = survey(workspace.uri, keep=keep)
            assert snapshot(workspace.uri) == before, "a survey changes nothing"
            removed = remove_garbage(workspace.uri, findings)
            left = survey(workspace.uri, keep=keep)

        assert all(verify_folder(uri).sound for uri in wanted if graph[uri][1] != "unfinished")
        after = snapshot(workspace.uri)
        expected = {path: content for path, content in before.items() if any(path.startswith(uri) for uri in wanted)}
        assert after == expected
        assert {finding.status for finding in left} <= {"needed", "young"}
        assert removed.objects == len(before) - len(after)
        assert {str(path) for path in Path(workspace.uri).glob("*/*")} == wanted


def _make_graph(data: st.DataObject, workspace: Workspace) -> dict[str, tuple[list[str], str]]:
    """Make folders from each other; return what each was made from and what it is."""
    graph: dict[str, tuple[list[str], str]] = {}
    for number in range(data.draw(st.integers(1, 6))):
        readable = [uri for uri, (_, kind) in graph.items() if kind == "rows"]
        sources = data.draw(st.lists(st.sampled_from(readable), max_size=2, unique=True)) if readable else []
        kind = data.draw(st.sampled_from(["rows", "rows", "unfinished", "dataset"]))
        named = [data.draw(st.sampled_from(["{}", "{}/rejected", "file://{}"])).format(uri) for uri in sources]
        if kind == "unfinished":
            uri = plan_join(workspace, str(number), named).uri
        else:
            uri = (join if kind == "rows" else publish)(workspace, str(number), named)
        graph[uri] = (sources, kind)
    return graph


def _with_sources(graph: dict[str, tuple[list[str], str]], folders: set[str]) -> set[str]:
    found = set(folders)
    for uri in reversed(graph):
        if uri in found:
            found |= set(graph[uri][0])
    return found


def test_every_leftover_of_a_finished_folder_is_explained(workspace: Workspace, tmp_path: Path, all_old: None) -> None:
    rows = join(workspace, "rows")
    model = train_model(workspace, "model", [rows], tmp_path / "model")
    dataset = publish(workspace, "dataset", [join(workspace, "last", [rows], model)])
    leftovers = {
        f"{rows}/rejected/part-00000-01234567.parquet": "rejected rows that no part counts",
        f"{rows}/part-00099.parquet": "a part that the manifest does not name",
        f"{rows}/.part-00000.parquet.abcd1234.tmp": "a temporary file of a process that was killed",
        f"{rows}/tries/abc-000000-part-00000.json": "leases of attempts",
        f"{model}/checkpoints/step-0000005/a.pt": "a checkpoint of a training that is finished",
        f"{model}/model-01234567/config.json": "a model that the manifest does not name",
    }
    foreign = [f"{dataset}/notes.txt", f"{workspace.uri}/README", f"{workspace.uri}/mine/0123456789abcdef/data"]
    for path in [*leftovers, *foreign]:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(b"12345")
    start = len(workspace.uri) + 1
    found = reasons(found_in(workspace.uri), "garbage")
    assert found.keys() == {path[start:] for path in leftovers}
    assert all(found[path[start:]].startswith(reason) for path, reason in leftovers.items())
    findings = survey(workspace.uri)
    assert reasons(findings, "unknown").keys() == {path[start:] for path in foreign}
    marks = {name: reason for name, reason in reasons(findings, "garbage").items() if name.startswith(IN_USE)}
    assert {*marks.values()} == {"a mark of a run that began long ago"}
    assert remove_garbage(workspace.uri, findings).objects == len(leftovers) + len(marks)
    assert {f.status for f in survey(workspace.uri)} == {"needed", "unknown"}
    assert all(Path(path).exists() for path in foreign)


def test_what_others_left_half_written_is_left_alone(workspace: Workspace, all_old: None) -> None:
    folder = join(workspace, "rows")
    ours = ["clean/0123456789abcdef/._plan.json.abcd1234.tmp", ".clock.abcd1234.tmp", "_in_use/.a.1.json.abcd1234.tmp"]
    foreign = [
        *(".bashrc.tmp", "mine/.x.abcd1234.tmp", "mine/0123456789abcdef/.x.abcd1234.tmp", "_in_use/notes.txt"),
        *(".clock.tmp", "_plan.json.abcd1234.tmp", f"{name_of(folder)}/.x.tmp", f"{name_of(folder)}/x.abcd1234.tmp"),
    ]
    for name in [*ours, *foreign]:
        path = Path(workspace.uri, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    publish(workspace, "dataset", [folder])
    findings = survey(workspace.uri)
    garbage = {name for name, reason in reasons(findings, "garbage").items() if "temporary" in reason}
    assert garbage == {*ours}
    assert reasons(findings, "unknown").keys() == {*foreign}


def test_what_is_kept_of_a_run_stays_and_what_it_left_half_written_goes(workspace: Workspace, all_old: None) -> None:
    recorder = RunRecorder(workspace.uri, preset="smoke", pipeline="scalequest", num_steps=1, command="")
    recorder.keep_log("001-import_model.log", b"", directory="", exit_code=0)
    name = recorder.uri.removeprefix(f"{workspace.uri}/")
    Path(recorder.uri, ".end.json.abcd1234.tmp").touch()
    findings = survey(workspace.uri)
    kept = {f"{name}/run.json", f"{name}/001-import_model.log"}
    assert reasons(findings, "needed") == dict.fromkeys(kept, "what is kept of a run")
    assert reasons(findings, "garbage").keys() == {f"{name}/.end.json.abcd1234.tmp"}


def test_what_is_young_is_never_garbage(workspace: Workspace) -> None:
    rows = join(workspace, "rows")
    Path(rows, ".x.abcd1234.tmp").touch()
    unfinished = plan_join(workspace, "unfinished", [rows]).uri
    assert statuses(workspace) == {name_of(rows): "needed young", name_of(unfinished): "young"}
    assert statuses(workspace, min_age_hours=0) == {name_of(rows): "garbage", name_of(unfinished): "garbage"}


def test_an_input_that_is_much_older_than_the_folder_that_reads_it_is_needed(workspace: Workspace) -> None:
    first = join(workspace, "first")
    second = join(workspace, "second", [first])
    unfinished = plan_join(workspace, "unfinished", [second]).uri
    with aged(lambda name: unfinished not in name):
        found = found_in(workspace.uri)
    assert {f.folder: f.status for f in found} == {
        name_of(first): "needed",
        name_of(second): "needed",
        name_of(unfinished): "young",
    }
    assert f"{name_of(unfinished)}, which is young, was made from it" in {finding.reason for finding in found}


def test_a_workspace_that_stood_elsewhere_keeps_what_its_datasets_were_made_from(
    workspace: Workspace, tmp_path: Path, all_old: None
) -> None:
    publish(workspace, "dataset", [join(workspace, "second", [join(workspace, "first")])])
    moved = Path(workspace.uri).rename(tmp_path / "moved")
    assert {finding.status for finding in found_in(str(moved))} == {"needed"}


def test_a_dataset_in_another_workspace_can_be_kept(workspace: Workspace, tmp_path: Path, all_old: None) -> None:
    first = join(workspace, "first")
    dataset = publish(Workspace(str(tmp_path / "other")), "dataset", [first])
    assert statuses(workspace) == {name_of(first): "garbage"}
    assert statuses(workspace, keep=[dataset]) == {name_of(first): "needed"}


def test_a_table_of_solvers_is_needed_with_all_that_it_was_made_from(workspace: Workspace, all_old: None) -> None:
    solver, other = join(workspace, "solver"), join(workspace, "other")
    table = score(workspace, "table", [solver])
    assert statuses(workspace) == {name_of(solver): "needed", name_of(table): "needed", name_of(other): "garbage"}


def test_a_folder_to_keep_that_has_nothing_to_do_with_the_workspace_is_refused(
    workspace: Workspace, tmp_path: Path
) -> None:
    join(workspace, "first")
    other = join(Workspace(str(tmp_path / "other")), "second")
    with pytest.raises(InputError, match=f"--keep {other}: neither it nor anything that it was made from is in"):
        survey(workspace.uri, keep=[other])


@pytest.mark.parametrize("content", ["{", '{"format": 99}', '{"format": 1}'])
@pytest.mark.parametrize("name", [PLAN, MANIFEST])
def test_nothing_is_garbage_while_a_plan_or_manifest_cannot_be_read(
    workspace: Workspace, name: str, content: str, all_old: None
) -> None:
    folder = join(workspace, "rows")
    Path(folder, name).write_text(content)
    with pytest.raises(InputError, match=name):
        survey(workspace.uri)


def test_removal_that_was_cut_off_anywhere_is_continued_and_no_folder_looks_finished_meanwhile(
    workspace: Workspace, all_old: None
) -> None:
    folder = join(workspace, "rows")
    shutil.rmtree(Path(workspace.uri, IN_USE))
    number = len(survey(workspace.uri))
    for allowed in range(number):
        _remove_one(workspace.uri)
        left = {path.name for path in Path(folder).rglob("*.*") if path.is_file()}
        assert len(left) == number - allowed - 1
        assert MANIFEST not in left
        assert PLAN in left or not left
    assert {f.reason for f in survey(workspace.uri)} <= {"a notice of a removal that was cut off"}


def _remove_one(workspace: str) -> None:
    """Remove garbage and die behind the first object."""
    original, lock = inventory._delete, threading.Lock()

    def delete(uri: str, stored: inventory.StoredObject) -> None:
        if lock.acquire(blocking=False):
            original(uri, stored)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inventory, "_delete", delete)
        with pytest.raises(KeyboardInterrupt):
            remove_garbage(workspace, survey(workspace))


@settings(max_examples=15)
@given(data=st.data(), cut_off=st.sampled_from([UnavailableError("503"), KeyboardInterrupt()]))
def test_whatever_a_removal_that_failed_took_away_the_same_command_makes_a_sound_folder_of_it(
    data: st.DataObject, cut_off: BaseException
) -> None:
    verdicts = ["odd", "", "odd", "odd", "", ""]
    with TemporaryDirectory() as place:
        workspace = Workspace(place)
        folder = write_folder(workspace, verdicts, 2)
        storage.create(storage.join(folder, LEASES, "a.1.2.b-000000-begun.json"), b"{}")
        names = [str(path.relative_to(place)) for path in Path(folder).rglob("*") if path.is_file()]
        _remove_all_but(place, data.draw(st.sets(st.sampled_from(names), min_size=1)), cut_off)

        assert write_folder(Workspace(place), verdicts, 2) == folder
        found = verify_folder(folder)
        assert (found.sound, list(found.findings)) == (True, [])
        assert [row.id for row in workspace.read(folder, Question)] == ["1", "4", "5"]
        assert [row["id"] for row in read_rejects(folder)] == ["0", "2", "3"]


def _remove_all_but(workspace: str, refused: set[str], error: BaseException) -> None:
    """Remove garbage in a store that fails for some objects; what is asked for at the same time goes."""
    original = inventory._delete

    def delete(uri: str, stored: inventory.StoredObject) -> None:
        if stored.name in refused:
            time.sleep(0.02)
            raise error
        original(uri, stored)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inventory, "_delete", delete)
        with pytest.raises(type(error)):
            remove_garbage(workspace, survey(workspace, min_age_hours=0))


def test_a_folder_that_was_written_to_since_the_survey_stays(workspace: Workspace, all_old: None) -> None:
    folder = plan_join(workspace, "rows")
    findings = survey(workspace.uri)
    next(iter(folder.missing_parts())).settle(0, kept=[Question(id="q", question="?")])
    before = snapshot(folder.uri)
    assert remove_garbage(workspace.uri, findings).in_use == (name_of(folder.uri),)
    assert snapshot(folder.uri) == before


def test_ages_are_told_by_the_stores_clock_on_each_store(store: Store) -> None:
    workspace = Workspace(store.uri)
    folder = join(workspace, "rows")
    clock = inventory.store_time(store.uri)
    ages = [clock - finding.object.time for finding in survey(store.uri)]
    assert storage.exists(folder)
    assert all(0 <= age < 60 for age in ages), ages


def test_garbage_goes_and_datasets_stay_on_each_store(store: Store, tmp_path: Path, all_old: None) -> None:
    workspace = Workspace(store.uri)
    rows = join(workspace, "rows")
    model = train_model(workspace, "model", [rows], tmp_path / "model")
    dataset = publish(workspace, "dataset", [join(workspace, "second", [rows], model)])
    storage.create(storage.join(model, "model-01234567/model.safetensors"), b"half")
    garbage_folders = [join(workspace, "unused", [rows]), plan_join(workspace, "abandoned", [rows]).uri]
    removed = remove_garbage(store.uri, survey(store.uri))
    assert removed.objects == 1 + 6 + 1 + 6, "a leftover, two folders, the marks of six"
    assert [bool(inventory.list_objects(uri)) for uri in (dataset, *garbage_folders)] == [True, False, False]
    assert {finding.status for finding in survey(store.uri)} == {"needed"}


def test_an_upload_to_s3_that_was_cut_off_is_garbage(s3_store: Store, all_old: None) -> None:
    folder = publish(Workspace(s3_store.uri), "dataset")
    upload = _begin_upload(storage.join(folder, "model-01234567/big.safetensors"))
    for name in (
        "mine/big",
        "mine/0123456789abcdef/model-01234567/big",
        f"{name_of(folder)}/notes.bin",
        "../elsewhere/big",
    ):
        _begin_upload(s3_store.uri.replace("workspace", posixpath.normpath(f"workspace/{name}")))
    # An upload's time is S3's own, too: all are new here, so that age is left out of account.
    findings = survey(s3_store.uri, min_age_hours=-1)
    uploads = [finding for finding in findings if finding.object.upload]
    (found,) = [finding for finding in uploads if finding.status == "garbage"]
    assert [finding.reason for finding in uploads if finding.status == "unknown"] == ["not ScaleQuest's"] * 3
    assert (found.object.upload, found.reason) == (upload, "an upload that was cut off")
    remove_garbage(s3_store.uri, findings)
    assert [each.upload for each in inventory.list_uploads(s3_store.uri)] == [
        finding.object.upload for finding in uploads if finding is not found
    ]


@pytest.mark.parametrize("used", [True, False])
def test_what_others_upload_into_a_folder_does_not_keep_gc_from_asking_who_uses_it(s3_store: Store, used: bool) -> None:
    workspace = Workspace(s3_store.uri)
    folder = join(workspace, "rows")
    upload = _begin_upload(storage.join(folder, "report.csv"))
    findings = survey(s3_store.uri, min_age_hours=-1)
    if used:
        plan = read_plan_or_none(folder)
        assert plan is not None
        mark_use(s3_store.uri, plan)
    removed: list[str] = []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(garbage_removal, "removal_of", _counted(removal_of, removed))
        spared = remove_garbage(s3_store.uri, findings).in_use

    assert removed == [name_of(folder)]
    assert spared == ((name_of(folder),) if used else ())
    assert [each.upload for each in inventory.list_uploads(s3_store.uri)] == [upload]
    if used:
        assert verify_folder(folder).sound
    else:
        assert inventory.list_objects(folder) == []


def _counted(original: Callable[..., Any], removed: list[str]) -> Callable[..., Any]:
    def removal(workspace: str, folders: list[str]) -> Any:
        removed.extend(folders)
        return original(workspace, folders)

    return removal


def _begin_upload(uri: str) -> str:
    """Leave an upload to S3 as a process leaves it that is killed; return its name."""
    filesystem = fsspec.filesystem("s3")
    bucket, key, _ = filesystem.split_path(uri)
    upload = filesystem.call_s3("create_multipart_upload", Bucket=bucket, Key=key)["UploadId"]
    filesystem.call_s3("upload_part", Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"x" * 100)
    return str(upload)


def test_nothing_stands_in_a_workspace_that_is_not_there(tmp_path: Path) -> None:
    assert survey(str(tmp_path / "nowhere")) == []


def test_a_file_is_no_workspace(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file; expected a folder"):
        survey(str(tmp_path / "file"))


def test_the_local_clock_plays_no_part(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    join(workspace, "rows")
    before = survey(workspace.uri)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 10 * WEEK)
    assert survey(workspace.uri) == before


def test_a_folder_that_a_process_works_on_stays_with_its_inputs_however_old_garbage_has_to_be(
    workspace: Workspace,
) -> None:
    rows = write_folder(workspace, ["", ""], 1)
    unfinished = plan_join(workspace, "at-work", [rows])
    assert statuses(workspace, min_age_hours=0) == {name_of(rows): "garbage", name_of(unfinished.uri): "garbage"}
    next(unfinished.missing_parts())
    assert statuses(workspace, min_age_hours=0) == {name_of(rows): "needed", name_of(unfinished.uri): "young"}
