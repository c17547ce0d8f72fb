"""All objects below an address, including hidden and half-uploaded ones, with ages by the store's own clock.

Clocks of machines differ: an object's age is the store's present time minus the time at which the store received it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.stores._parallel import in_parallel
from components.shared.stores.refusals import explained

THREADS = 16


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """One object of a store, or an incomplete upload to S3."""

    name: str  # relative to the address that was asked for
    size: int  # bytes; 0 for an upload, S3 does not say it
    time: float  # when the store received it, by its own clock: seconds since 1970
    upload: str = ""  # S3's name of an upload that is not complete


def list_objects(uri: str) -> list[StoredObject]:
    """Return all objects below a folder, sorted by name; [] if there are none, InputError for a file."""
    if not storage.is_remote(uri):
        return _list_files(uri)
    root = storage.client_path(uri)
    with explained(uri):
        filesystem = storage.filesystem(uri)
        found = filesystem.find(root, detail=True)
    start = len(filesystem._strip_protocol(root).rstrip("/")) + 1
    objects = [
        StoredObject(name=path[start:], size=int(info["size"]), time=_time(info))
        for path, info in found.items()
        # An S3 server that keeps folders lists an empty one; consoles leave objects named by a folder and a slash.
        if info["type"] != "directory" and not path.endswith("/")
    ]
    return _sorted(objects, uri)


def below(objects: Iterable[StoredObject], folder: str) -> list[StoredObject]:
    """Return those of listed objects that are in a subfolder, by their names within it."""
    return [
        replace(each, name=each.name.removeprefix(f"{folder}/"))
        for each in objects
        if each.name.startswith(f"{folder}/")
    ]


def list_uploads(uri: str) -> list[StoredObject]:
    """Return the incomplete uploads below a folder on S3; [] on other stores.

    Google's client cannot list them: there, the bucket's lifecycle rule AbortIncompleteMultipartUpload removes them.
    """
    if storage.scheme_of(uri) != "s3":
        return []
    with explained(uri):
        filesystem = storage.filesystem(uri)
        bucket, key, _ = filesystem.split_path(storage.client_path(uri).rstrip("/") + "/")
        arguments: dict[str, str] = {}
        uploads: list[StoredObject] = []
        while True:
            page = filesystem.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=key, **arguments)
            uploads += [_upload(entry, key) for entry in page.get("Uploads", []) if entry["Key"].startswith(key)]
            if not page.get("IsTruncated"):
                return uploads
            arguments = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page.get("NextUploadIdMarker", "")}


def store_time(uri: str) -> float:
    """Return the store's own present time in seconds since 1970; nothing is left behind.

    An object store sends it with each answer, truncated to a second: rounded up here, so that it is never before an
    object's. On a directory, which may be on another machine, it is that of a temporary file, so the directory has to
    be writable.
    """
    with explained(uri):
        filesystem = storage.filesystem(uri)
        match storage.scheme_of(uri):
            case "s3":
                bucket = filesystem.split_path(storage.client_path(uri))[0]
                headers = filesystem.call_s3("head_bucket", Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
            case "gs":
                bucket = filesystem.split_path(storage.client_path(uri))[0]
                headers, _ = filesystem.call("GET", "b/{}/o", bucket, maxResults=1)
            case _:
                with tempfile.NamedTemporaryFile(dir=storage.local_path(uri), prefix=".clock.", suffix=".tmp") as file:
                    return Path(file.name).stat().st_mtime
    named = {name.lower(): value for name, value in headers.items()}
    return parsedate_to_datetime(named["date"]).timestamp() + 1


def delete_objects(uri: str, objects: Iterable[StoredObject], before_each: Callable[[], None] = lambda: None) -> None:
    """Delete objects and uploads below a folder, with one request for each; skip what is gone already.

    One by one: S3's answer to a request for many is a list of those refused, which its client does not look at.
    If ``before_each`` raises, nothing else is deleted.
    """

    def delete(each: StoredObject) -> None:
        before_each()
        _delete(uri, each)

    in_parallel(delete, objects)


def delete_empty_directories(uri: str) -> None:
    """Remove a directory's empty subdirectories and the directory itself, if it is left empty; on paths only."""
    if storage.is_remote(uri):
        return
    root = storage.local_path(uri)
    for path in sorted((path for path in root.rglob("*") if path.is_dir()), reverse=True):
        with contextlib.suppress(OSError):
            path.rmdir()
    with contextlib.suppress(OSError):
        root.rmdir()


def _delete(uri: str, stored: StoredObject) -> None:
    target = storage.join(uri, stored.name)
    with explained(target), contextlib.suppress(FileNotFoundError):
        filesystem = storage.filesystem(uri)
        if stored.upload:
            bucket, key, _ = filesystem.split_path(storage.client_path(target))
            filesystem.call_s3("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=stored.upload)
        else:
            filesystem.rm_file(storage.client_path(target))


def _upload(entry: dict[str, Any], prefix: str) -> StoredObject:
    name = entry["Key"].removeprefix(prefix)
    return StoredObject(name=name, size=0, time=entry["Initiated"].timestamp(), upload=entry["UploadId"])


def _list_files(uri: str) -> list[StoredObject]:
    """List a directory file by file: fsspec omits a whole directory if one of its files is deleted meanwhile."""
    root = storage.local_path(uri).absolute()
    paths = [root] if root.is_file() else []
    with explained(uri):
        for folder, _, names in os.walk(root, onerror=_raise_unless_gone):
            paths += [Path(folder, name) for name in names]
        objects = []
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                name = "" if path == root else path.relative_to(root).as_posix()
                time = _time({"name": str(path), "created": status.st_ctime})
                objects.append(StoredObject(name=name, size=status.st_size, time=time))
    return _sorted(objects, uri)


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error


def _sorted(objects: list[StoredObject], uri: str) -> list[StoredObject]:
    if any(not each.name for each in objects):
        raise InputError(f"{uri} is a file; expected a folder")
    return sorted(objects, key=lambda each: each.name)


def _time(info: dict[str, Any]) -> float:
    # On a directory, the time of the last change of any kind, which nobody can set: a copy is new.
    time = info.get("LastModified") or info.get("created") or info["mtime"]
    return float(time if isinstance(time, int | float) else time.timestamp())
