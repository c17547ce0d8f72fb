"""Empty objects named ``folder/``, which consoles and tools leave to show a folder, are nothing to us."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.shared.stores import storage, transfers
from components.shared.stores._gs_uploads import google_client
from components.shared.stores.inventory import list_objects
from components.shared.upkeep.garbage import survey
from components.shared.upkeep.garbage_removal import remove_garbage
from components.shared.upkeep.verification import verify_folder
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.shared.sample_graphs import join, publish, train_model
from tests.fault_proxy import new_clients
from tests.stores import gs_server, new_bucket, s3_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["s3", "gs"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A bucket of a server that holds such objects."""
    folder = tmp_path_factory.mktemp("server")
    server = s3_server(folder) if request.param == "s3" else gs_server(folder, "memory")
    with server as environment, pytest.MonkeyPatch.context() as patch, new_clients():
        for name, value in environment.items():
            patch.setenv(name, value)
        yield new_bucket(request.param)


def mark(uri: str) -> None:
    """Leave such an object."""
    bucket, _, key = uri.partition("://")[2].partition("/")
    if uri.startswith("s3"):
        storage.filesystem(uri).call_s3("put_object", Bucket=bucket, Key=f"{key}/", Body=b"")
    else:
        google_client().bucket(bucket).blob(f"{key}/").upload_from_string(b"")


def test_folders_are_listed_read_verified_and_removed_as_if_they_were_not_there(place: str, tmp_path: Path) -> None:
    workspace = Workspace(place)
    mark(place)
    rows = join(workspace, "rows")
    model = train_model(workspace, "model", [rows], tmp_path / "model")
    dataset = publish(workspace, "dataset", [join(workspace, "second", [rows], model)])
    unused = join(workspace, "unused")
    for uri in (storage.join(place, "join"), storage.join(place, "new"), rows, f"{rows}/rejected", model, unused):
        mark(uri)
    (name, *_) = sorted(read_manifest(model).files)
    subfolder = storage.join(model, name.partition("/")[0])
    mark(subfolder)
    mark(storage.join(subfolder, "empty"))

    assert all(not each.name.endswith("/") and each.name for each in list_objects(place))
    assert list_objects(storage.join(place, "new")) == []
    assert storage.list_files(subfolder) == {"config.json": 2, "model.safetensors": 1}
    assert storage.list_names(storage.join(place, "new")) == []
    assert join(workspace, "rows") == rows
    assert all(verify_folder(uri).sound for uri in (rows, model, dataset))

    transfers.download_folder(subfolder, tmp_path / "copy")
    transfers.upload_folder(tmp_path / "copy", subfolder, replace=False)
    assert transfers.local_files(tmp_path / "copy") == storage.list_files(subfolder)

    findings = survey(place, min_age_hours=0)
    assert {finding.folder for finding in findings if finding.status == "garbage"} == {
        "",
        "/".join(unused.split("/")[-2:]),
    }
    remove_garbage(place, findings)
    assert list_objects(unused) == []
    assert verify_folder(dataset).sound


def test_what_a_model_is_made_of_does_not_change_with_them(place: str) -> None:
    uri = storage.join(place, "elsewhere")
    storage.create(storage.join(uri, "sub", "w.bin"), b"weights")
    before = storage.content_id(uri)
    mark(uri)
    mark(storage.join(uri, "sub"))
    assert storage.content_id(uri) == before
