"""Pushes to a stand-in of the hub that keeps its rules, with the hub's own client."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants

from components.import_model.config import ImportModelConfig
from components.import_model.step import run as import_model
from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import run as package_dataset
from components.shared.addresses import HubRepository
from components.shared.errors import InputError, UnavailableError
from components.shared.publishing import hub as hub_module
from components.shared.publishing.contents import published
from components.shared.publishing.hub import Pushed, push
from components.shared.redaction import redacted
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.import_model.test_step import run_command
from tests.components.package_dataset.test_step import response
from tests.conftest import WriteRows
from tests.hub_stand_in import READ_TOKEN, TOKEN, HubStandIn, serve_hub
from tests.stores import Store

pytestmark = pytest.mark.slow

SET = "datasets/org/maths"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HubStandIn]:
    """An empty hub, and the token of one who may write to "org"."""
    with serve_hub({}) as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # Xet's storage has no stand-in
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no token"))
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield hub


def dataset(workspace: Workspace, write_rows: WriteRows, *, num_rows: int = 5, **options: Any) -> str:
    responses = write_rows(workspace, [response(number) for number in range(num_rows)], rows_per_part=2)
    return package_dataset(PackageDatasetConfig(workspace=workspace.uri, responses=responses, **options), workspace)


def pushed(folder: str, *, name: str = "org/maths", public: bool = False) -> Pushed:
    contents = published(folder, name.rpartition("/")[2])
    return push(contents, HubRepository(kind=contents.kind, name=name), public=public, tell=lambda _: None)


def sent(hub: HubStandIn) -> list[str]:
    """Return what was sent to the large file storage."""
    return [request for request in hub.requests if request.startswith("PUT")]


def test_a_dataset_is_one_commit_in_a_private_repository(
    workspace: Workspace, write_rows: WriteRows, hub: HubStandIn
) -> None:
    folder = dataset(workspace, write_rows)
    told = pushed(folder)
    assert told == Pushed(address=f"{hub.endpoint}/{SET}", commit=hub.head(SET), private=True, changed=True, removed=[])
    assert [summary for _, summary in hub.commits[SET]] == [
        "initial commit",
        f"Push package_dataset/{folder.split('/')[-1]}",
    ]
    assert hub.private == {SET}
    files = {**hub.repositories[SET]}
    del files[".gitattributes"]
    assert files == {file.name: Path(folder, file.source).read_bytes() for file in published(folder, "").files}


def test_the_same_push_again_sends_nothing_and_makes_no_commit(
    workspace: Workspace, write_rows: WriteRows, hub: HubStandIn
) -> None:
    folder = dataset(workspace, write_rows)
    first = pushed(folder)
    before = sent(hub)
    again = pushed(folder)
    assert (again.commit, again.changed) == (first.commit, False)
    assert len(hub.commits[SET]) == 2
    assert sent(hub) == before


def test_a_push_that_was_cut_continues_and_is_never_half(
    workspace: Workspace, write_rows: WriteRows, hub: HubStandIn
) -> None:
    folder = dataset(workspace, write_rows)
    hub.failing[f"POST api/{SET}/commit"] = 503
    with pytest.raises(UnavailableError, match="start the same command again later: what was uploaded is kept"):
        pushed(folder)
    assert list(hub.repositories[SET]) == [".gitattributes"]
    before = sent(hub)
    assert before
    assert pushed(folder).changed
    assert sent(hub) == before


def test_another_version_leaves_no_rows_of_the_one_before(
    workspace: Workspace, write_rows: WriteRows, hub: HubStandIn
) -> None:
    pushed(dataset(workspace, write_rows, num_rows=40, validation_share=0.3))
    hub.repositories[SET] = {**hub.repositories[SET], "LICENSE": b"ours", "part-00000.parquet": b"old"}
    smaller = dataset(workspace, write_rows, num_rows=5)
    told = pushed(smaller)
    gone = ["data/validation-00000.parquet", "part-00000.parquet", "rl/validation-00000.parquet"]
    assert sorted(told.removed) == gone
    assert not {*gone} & {*hub.repositories[SET]}
    assert hub.repositories[SET]["LICENSE"] == b"ours"
    content = hub.repositories[SET]["data/train-00000.parquet"]
    assert pq.read_table(io.BytesIO(content)).num_rows == 5


def test_a_folder_in_a_store_is_pushed_batch_by_batch(
    remote_store: Store, write_rows: WriteRows, hub: HubStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(hub_module, "BATCH_FILES", 2)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    remote, local = Workspace(remote_store.uri), Workspace(str(tmp_path / "local"))
    pushed(dataset(remote, write_rows))
    files = {**hub.repositories[SET]}
    pushed(dataset(local, write_rows), name="org/other")
    other = hub.repositories["datasets/org/other"]
    assert files.keys() == other.keys()
    parquets = {name for name in files if name.endswith(".parquet")}
    assert {name: files[name] for name in parquets} == {name: other[name] for name in parquets}
    assert not list(tmp_path.glob("scalequest-push-*"))


def test_a_model_is_pushed_with_its_card_and_comes_back_the_same(
    workspace: Workspace, hub: HubStandIn, tmp_path: Path
) -> None:
    folder = import_model(ImportModelConfig(workspace=workspace.uri, source="random:llama"), workspace)
    pushed(folder, name="org/tiny")
    assert hub.private == {"org/tiny"}
    assert b"# tiny" in hub.repositories["org/tiny"]["README.md"]
    other = Workspace(str(tmp_path / "other"))
    done = run_command(other, hub.endpoint, "hf://org/tiny@main", tmp_path / "cache", token=TOKEN)
    assert done.returncode == 0, done.stderr
    assert read_manifest(done.stdout.strip()).files == read_manifest(folder).files
    assert not pushed(folder, name="org/tiny").changed


def test_a_large_file_is_sent_by_parts(
    workspace: Workspace, write_rows: WriteRows, hub: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.hub_writes.PART_BYTES", 2000)
    folder = dataset(workspace, write_rows)
    pushed(folder)
    assert [request for request in hub.requests if request.startswith("POST lfs/complete/")]
    assert hub.repositories[SET]["data/train-00000.parquet"] == Path(folder, "data/train-00000.parquet").read_bytes()


def test_what_is_private_is_never_pushed_to_a_public_repository_unasked(
    workspace: Workspace, write_rows: WriteRows, hub: HubStandIn
) -> None:
    folder = dataset(workspace, write_rows)
    assert not pushed(folder, public=True).private
    other = dataset(workspace, write_rows, num_rows=7)
    with pytest.raises(InputError, match="is public: everybody could read what is pushed; give --public"):
        pushed(other)
    assert len(hub.commits[SET]) == 2
    assert pushed(other, public=True).changed


def test_a_changed_file_is_not_pushed(workspace: Workspace, write_rows: WriteRows, hub: HubStandIn) -> None:
    folder = dataset(workspace, write_rows)
    Path(folder, "rl/train-00000.parquet").write_bytes(b"other")
    with pytest.raises(InputError, match="is not the file that its folder's manifest names"):
        pushed(folder)
    assert list(hub.repositories[SET]) == [".gitattributes"]


def test_no_token_is_said_before_anything_is_asked(
    workspace: Workspace, write_rows: WriteRows, hub: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(InputError, match="no token of the hub; set HF_TOKEN"):
        pushed(dataset(workspace, write_rows))
    assert not hub.requests


def test_a_token_of_the_clients_own_file_is_used_and_hidden(
    workspace: Workspace, write_rows: WriteRows, hub: HubStandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    assert pushed(dataset(workspace, write_rows)).changed
    assert redacted(f"Bearer {TOKEN}") == "Bearer [secret]"


@pytest.mark.parametrize(
    ("token", "name", "message"),
    [
        ("hf_unknown", "org/maths", r"the hub does not accept the token \(401: Invalid username or password\.\)"),
        (READ_TOKEN, "org/maths", "the hub refuses that the token writes there .*a member of org"),
        (TOKEN, "others/maths", "You don't have the rights to create a dataset.*a member of others"),
        (TOKEN, "org/--", "Repo id must"),
    ],
)
def test_a_refusal_is_one_message_and_nothing_is_made(
    workspace: Workspace,
    write_rows: WriteRows,
    hub: HubStandIn,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    name: str,
    message: str,
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(InputError, match=message) as raised:
        pushed(dataset(workspace, write_rows), name=name)
    assert "\n" not in str(raised.value)
    assert not hub.repositories


@pytest.mark.parametrize(
    ("request_", "status", "kind", "message"),
    [
        (f"POST api/{SET}/preupload", 401, InputError, "the hub does not accept the token"),
        (f"POST api/{SET}/preupload", 403, InputError, "the hub refuses that the token writes there"),
        (f"POST api/{SET}/commit", 412, UnavailableError, "was changed by somebody else during the push"),
        (f"POST api/{SET}/commit", 400, InputError, "the hub refused"),
        ("POST api/repos/create", 500, UnavailableError, "cannot be reached or is busy"),
        ("POST lfs/verify", 403, InputError, "the hub refuses that the token writes there"),
    ],
)
def test_what_the_hub_answers_on_the_way_is_one_message(
    workspace: Workspace,
    write_rows: WriteRows,
    hub: HubStandIn,
    request_: str,
    status: int,
    kind: type[Exception],
    message: str,
) -> None:
    hub.failing[request_] = status
    with pytest.raises(kind, match=message) as raised:
        pushed(dataset(workspace, write_rows))
    assert "\n" not in str(raised.value)
    assert not [name for name in hub.repositories.get(SET, {}) if name != ".gitattributes"]
    assert pushed(dataset(workspace, write_rows)).changed


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (0, "the hub has no Xet storage; set HF_HUB_DISABLE_XET=1"),
        (401, "the hub does not accept the token"),
        (403, "the hub refuses that the token writes there"),
    ],
)
def test_what_the_client_of_xet_says_in_words_is_understood(
    workspace: Workspace,
    write_rows: WriteRows,
    hub: HubStandIn,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    message: str,
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    if status:
        hub.failing["xet-write-token"] = status
    with pytest.raises(InputError, match=message):
        pushed(dataset(workspace, write_rows))
    assert list(hub.repositories[SET]) == [".gitattributes"]


def test_a_repository_that_vanishes_is_named(workspace: Workspace, write_rows: WriteRows, hub: HubStandIn) -> None:
    folder = dataset(workspace, write_rows)
    contents = published(folder, "maths")

    def remove(_: str) -> None:
        del hub.repositories[SET]

    with pytest.raises(InputError, match="the hub has no such dataset, or the token may not see it"):
        push(contents, HubRepository(kind="dataset", name="org/maths"), public=False, tell=remove)


def test_a_licence_that_the_hub_does_not_take_is_said(
    workspace: Workspace, write_rows: WriteRows, hub: HubStandIn
) -> None:
    hub.failing["POST api/validate-yaml"] = 400
    with pytest.raises(InputError, match=r"Invalid metadata in README\.md"):
        pushed(dataset(workspace, write_rows))


def test_a_hub_that_is_away_may_be_back_later(
    workspace: Workspace, write_rows: WriteRows, hub: HubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UnavailableError, match="HF_ENDPOINT"):
        pushed(dataset(workspace, write_rows))
    assert not hub.requests
