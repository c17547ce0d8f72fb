"""Folders and objects by URI: ``gs://…``, ``s3://…`` or a path. The one place that opens files.

Object stores are reached through fsspec (gcsfs, s3fs) with their clients' own conventions for credentials, endpoint
and region (environment, Workload Identity, IRSA): there are no options for secrets.

Limits: a request without an answer, or with a temporary error (429, 5xx, a cut connection), is retried for
``SCALEQUEST_STORE_TIMEOUT_SECONDS`` (300) seconds, see ``retries``; then UnavailableError names it. Permanent errors
(401, 403, no such bucket, a full disk) are InputErrors at once, see ``refusals``; a missing object is a
FileNotFoundError. An object appears complete or not at all, and is written in one request: 5 GB at most.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import logging
import os
import posixpath
import re
import stat
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

import fsspec

from components.shared.addresses import STORES, check_spelling
from components.shared.errors import InputError, UnavailableError
from components.shared.stores import _directories
from components.shared.stores._parallel import in_parallel
from components.shared.stores.refusals import explained, is_lost_race

logger = logging.getLogger(__name__)


def scheme_of(uri: str) -> str:
    """Return the URI's scheme, "file" for a path; raise InputError for one that is neither."""
    if not uri.strip():
        raise InputError("an empty URI was given; expected gs://bucket/path, s3://bucket/path or a directory")
    check_spelling(uri)
    if "://" not in uri:
        return "file"
    scheme = uri.split("://", 1)[0]
    if scheme not in STORES:
        hub = "; a file of the hub is hf://datasets/org/name@revision/path" if scheme in ("http", "https") else ""
        raise InputError(
            f"{uri!r} has the unknown scheme {scheme!r}; expected gs://, s3:// or the path of a directory{hub}"
        )
    if scheme != "file" and not uri.split("://", 1)[1].split("/", 1)[0]:
        raise InputError(f"{uri!r} names no bucket; expected {scheme}://bucket/path")
    return scheme


def is_remote(uri: str) -> bool:
    """Tell whether the URI names an object store rather than a path of this machine."""
    return scheme_of(uri) != "file"


def join(uri: str, *names: str) -> str:
    """Append names to a URI."""
    return posixpath.join(uri.rstrip("/") or "/", *names)


def local_path(uri: str) -> Path:
    """Return the path that a ``file`` URI or a plain path names."""
    assert not is_remote(uri), uri
    return Path(uri.removeprefix("file://"))


def exists(uri: str) -> bool:
    """Tell whether an object or a folder exists there."""
    with explained(uri), contextlib.suppress(FileNotFoundError, NotADirectoryError):
        filesystem(uri).info(client_path(uri))  # s3fs.exists takes a bucket that does not respond for a missing one
        return True
    return False


def read_bytes(uri: str) -> bytes:
    """Return an object's content; FileNotFoundError if there is none."""
    with explained(uri):
        return cast(bytes, filesystem(uri).cat_file(client_path(uri)))


def read_range(uri: str, start: int, stop: int) -> bytes:
    """Return the bytes of an object from ``start`` to before ``stop``; FileNotFoundError if there is none."""
    with explained(uri):
        return cast(bytes, filesystem(uri).cat_file(client_path(uri), start=start, end=stop))


def read_json(uri: str) -> Any:
    """Return an object's content, parsed as JSON; FileNotFoundError if there is none."""
    content = read_bytes(uri)
    try:
        return json.loads(content)
    except ValueError as error:
        raise InputError(f"{uri} is not JSON ({error}); it was changed or is not what its name says") from error


@contextlib.contextmanager
def open_read(uri: str) -> Iterator[IO[bytes]]:
    """Open an object for reading; it can seek, so that a Parquet footer is read without the rest."""
    with explained(uri), filesystem(uri).open(client_path(uri), "rb") as file:
        yield file


def read_ends(uris: Sequence[str], num_bytes: int) -> list[bytes]:
    """Return the last bytes of many objects of one store, or all if an object is shorter; one request for each object.

    Many requests run at once; with one thread for each, a third fewer finished in a second.
    """
    if not uris:
        return []
    with explained(uris[0]):
        ends = filesystem(uris[0]).cat_ranges(
            list(map(client_path, uris)), [-num_bytes] * len(uris), [None] * len(uris), on_error="raise"
        )
        return cast(list[bytes], ends)


def create(uri: str, data: bytes) -> None:
    """Write a new object, complete or not at all; FileExistsError if it exists already.

    The first of several writers wins, on each kind of store: a hard link on a directory, a precondition
    (``If-None-Match: *``, generation 0) on an object store.
    """
    with explained(uri):
        if is_remote(uri):
            _create_remote(uri, data)
        else:
            _directories.create_file(local_path(uri), data)


def create_json(uri: str, value: Any) -> None:
    """Write a new object that holds ``value`` as JSON; FileExistsError if it exists already."""
    create(uri, (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())


def list_names(uri: str) -> list[str]:
    """Return the sorted names directly below a folder, without temporary files; [] if there is no such folder."""
    return sorted(_ls(uri, detail=False))


def list_md5s(uri: str) -> dict[str, str]:
    """Return their MD5s by name, in hexadecimal; "" for folders, and if the store's listing has none."""
    md5s = {}
    for name, info in _ls(uri, detail=is_remote(uri)).items():
        in_hexadecimal = str(info.get("ETag", "")).strip('"')
        in_base64 = base64.b64decode(info.get("md5Hash", "")).hex()
        md5s[name] = in_base64 or (in_hexadecimal if re.fullmatch("[0-9a-f]{32}", in_hexadecimal) else "")
    return md5s


def _ls(uri: str, *, detail: bool) -> dict[str, dict[str, Any]]:
    with explained(uri):
        try:
            entries = filesystem(uri).ls(client_path(uri), detail=detail)
        except (FileNotFoundError, NotADirectoryError):
            return {}
    infos = {entry["name"]: entry for entry in entries} if detail else {path: {} for path in entries}
    paths = {path.rstrip("/"): info for path, info in infos.items()}
    paths.pop(_key(uri), None)  # some stores list the folder itself
    names = {posixpath.basename(path): info for path, info in paths.items()}
    return {name: info for name, info in names.items() if not name.startswith(".")}


def list_files(uri: str) -> dict[str, int]:
    """Return the sizes in bytes of all files below a folder, by path relative to it, sorted; hidden ones are left out.

    Of a single file: its size, by the empty path.
    """
    return {name: int(info["size"]) for name, info in _find(uri).items()}


def is_pattern(uri: str) -> bool:
    """Tell whether a URI names files by a pattern: ``*`` and ``?`` stand for any characters and for one."""
    return "*" in uri or "?" in uri


def matches(pattern: str) -> list[str]:
    """Return the sorted URIs of the files that a pattern names; [] for a URI that is none."""
    return [join(_fixed_folder(pattern), name) for name in _find(pattern)] if is_pattern(pattern) else []


def delete_object(uri: str) -> None:
    """Delete an object; do nothing if it does not exist."""
    with explained(uri):
        _delete(filesystem(uri), client_path(uri))


def delete_folder(uri: str) -> None:
    """Delete a folder and everything below it; do nothing if it does not exist."""
    with explained(uri):
        if not is_remote(uri):
            _directories.remove_tree(local_path(uri))
            return
        client = filesystem(uri)
        # One by one: S3's answer to a request for many is a list of those refused, which s3fs does not look at.
        in_parallel(lambda name: _delete(client, name), client.find(client_path(uri)))


def delete_folder_if_allowed(uri: str) -> None:
    """Delete a folder that only costs space; log a warning if the store refuses or does not respond."""
    try:
        delete_folder(uri)
    except (InputError, UnavailableError) as error:
        logger.warning("%s was not deleted, delete it by hand: %s", uri, error)


def content_id(uri: str) -> str:
    """Return a digest that changes when the content does: of the store's own tags, or of the bytes on a directory.

    A directory's files are read completely: a few seconds for the weights of a 7B model.
    """
    lines = []
    for name, info in _find(uri).items():
        shown = join(_fixed_folder(uri), name) if name else uri
        tag = info.get("ETag") or info.get("md5Hash") or info.get("etag") if is_remote(uri) else ""
        try:
            lines.append(f"{name} {tag or digest_file(_regular(Path(info['name']), shown))}")
        except OSError as error:
            hint = "it is a link to nothing" if isinstance(error, FileNotFoundError) else "check who may read it"
            raise InputError(f"{shown} cannot be read ({error.strerror}); {hint}") from error
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _regular(path: Path, shown_as: str) -> Path:
    mode = path.stat().st_mode
    if stat.S_ISDIR(mode):
        raise InputError(f"{shown_as} is a link to a folder, which is not followed; put the files themselves there")
    if not stat.S_ISREG(mode):
        raise InputError(f"{shown_as} is a pipe or a device; give a file with its content")
    return path


def digest_file(path: Path) -> str:
    """Return the SHA-256 of a local file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _delete(client: Any, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        client.rm_file(path)


def _create_remote(uri: str, data: bytes) -> None:
    # If an answer was lost, only the object itself says which writer created what the retry finds.
    writer = {"writer": uuid.uuid4().hex}
    names = {"Metadata": writer} if scheme_of(uri) == "s3" else {"metadata": writer}
    try:
        # In one request, however large: stores check the condition for this, but not for each kind of upload.
        filesystem(uri).pipe_file(client_path(uri), data, mode="create", chunksize=len(data) + 1, **names)
    except FileNotFoundError as error:
        raise InputError(f"{uri}: its bucket does not exist; make it first, or check the address") from error
    except OSError as error:
        if not is_lost_race(error):
            raise
        try:
            is_ours = _metadata(uri) == writer
        except FileNotFoundError:  # it existed, and was deleted since
            is_ours = False
        if not is_ours:
            raise FileExistsError(uri) from error


def _metadata(uri: str) -> dict[str, str]:
    client = filesystem(uri)
    if scheme_of(uri) == "gs":
        return dict(client.info(client_path(uri)).get("metadata", {}))
    bucket, key, _ = client.split_path(client_path(uri))
    return dict(client.call_s3("head_object", Bucket=bucket, Key=key)["Metadata"])


def filesystem(uri: str) -> Any:
    """Return fsspec's client for a URI; that of a store retries its requests."""
    match scheme_of(uri):
        case "s3":
            from components.shared.stores._s3_client import S3Client

            return S3Client()
        case "gs":
            # gcsfs asks each bucket for its storage layout first, which emulators answer only after a minute.
            os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
            from components.shared.stores._gs_client import GSClient

            return GSClient()
        case _:
            return fsspec.filesystem("file")


def client_path(uri: str) -> str:
    """Return the URI in the form that the client uses."""
    return uri if is_remote(uri) else str(local_path(uri).absolute())


def _fixed_folder(uri: str) -> str:
    """Return the folder below which a pattern's files stand; what is no pattern as it is."""
    if not is_pattern(uri):
        return uri
    fixed = uri[: min(uri.find(sign) for sign in "*?" if sign in uri)]
    return fixed.rpartition("/")[0] or ("/" if fixed.startswith("/") else ".")


def _key(uri: str) -> str:
    """Return the path as the store's listings write it: no scheme, no slash at the end."""
    return cast(str, filesystem(uri)._strip_protocol(client_path(uri))).rstrip("/")


def _find(uri: str) -> dict[str, dict[str, Any]]:
    root = _key(_fixed_folder(uri))
    with explained(uri):
        client = filesystem(uri)
        if is_pattern(uri):
            matched = client.glob(client_path(uri), detail=True)
            found = {path: info for path, info in matched.items() if info["type"] == "file" or _is_link(info)}
        else:
            found = client.find(client_path(uri), detail=True)
    # Consoles and tools leave an object named by a folder and a slash, to show that folder.
    files = {path[len(root) :].lstrip("/"): info for path, info in found.items() if not path.endswith("/")}
    return {name: files[name] for name in sorted(files) if not any(part.startswith(".") for part in name.split("/"))}


def _is_link(info: Mapping[str, Any]) -> bool:
    """Tell whether a name in a directory is a link to a file, as in the hub's cache, or to nothing."""
    return bool(info.get("islink")) and not os.path.isdir(info["name"])  # noqa: PTH112 - it says no where it may not look
