"""Uploads to ``gs://`` with Google's own client: large files by a multipart upload (XML API), several parts at a time.

The client sends a CRC32C with each part, and the store refuses a part that arrives damaged. An upload that is killed
leaves parts that no listing shows: let the bucket's lifecycle rules abort incomplete multipart uploads.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud.storage import Blob, Client, transfer_manager
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from components.shared import stopping
from components.shared.errors import InputError, UnavailableError
from components.shared.stores._parallel import PART_BYTES, THREADS, part_bytes
from components.shared.stores._sign_in import google_credentials
from components.shared.stores.retries import until_answered

CHUNK_BYTES = 64 * 2**20  # of an upload in one stream: what is sent, and held in memory, at a time
STREAMS = 3  # of an upload that the store forgot or that arrived changed

logger = logging.getLogger(__name__)


def upload_file(path: Path, uri: str) -> None:
    """Write an object from a local file; it appears complete or not at all."""
    blob = Blob.from_uri(uri, client=google_client())
    size = path.stat().st_size
    if size > PART_BYTES and _upload_parts(path, blob, size):
        return
    blob.chunk_size = CHUNK_BYTES
    for _ in range(STREAMS):
        if _upload_stream(path, blob, uri):
            return
        logger.warning("%s did not arrive as it was sent, or its upload was forgotten: once more", uri)
    raise UnavailableError(f"{uri} arrived damaged {STREAMS} times; start the same command again later")


def _upload_stream(path: Path, blob: Any, uri: str) -> bool:
    """Upload in one stream; False if that has to begin anew."""
    try:
        blob.upload_from_filename(str(path), checksum="crc32c", retry=_Retries(uri))
    except _CorruptionError:
        return False
    except NotFound as error:
        if error.response.request.method == "POST":  # the first one, which names the bucket
            raise InputError(f"{uri}: its bucket does not exist; make it first, or check the address") from error
        return False  # a resumable upload that is over, because an answer was lost
    return True


def _upload_parts(path: Path, blob: Any, size: int) -> bool:
    """Upload by parts; False if that cannot be (an emulator, a role without the permission), or did not arrive."""
    try:
        transfer_manager.upload_chunks_concurrently(
            str(path),
            blob,
            chunk_size=part_bytes(size),
            worker_type=transfer_manager.THREAD,
            max_workers=THREADS,
            checksum="crc32c",
            retry=_Retries(f"gs://{blob.bucket.name}/{blob.name}"),
        )
    except (InvalidResponse, _CorruptionError) as refusal:
        logger.info("no upload by parts to %s (%s): uploading in one stream", blob.bucket.name, refusal)
        return False
    return True


class _CorruptionError(Exception):
    """What arrived is not what was sent; the same request would not fix it."""


class _Retries:
    """The one retry policy for all stores, in the form that the client expects.

    The client sends all parts of an upload, even after one was given up or the process was asked to stop; here the
    remaining ones fail at once.
    """

    def __init__(self, uri: str) -> None:
        self._call = f"a request of the upload of {uri}"
        self._given_up: UnavailableError | None = None

    def __call__(self, request: Callable[[], Any]) -> Callable[[], Any]:
        def attempt() -> Any:
            try:
                return request()
            except DataCorruption as error:
                raise _CorruptionError from error

        return lambda: self._send(attempt)

    def _send(self, request: Callable[[], Any]) -> Any:
        stopping.check_unless_deferred()  # a training that is told to stop still uploads a checkpoint
        if self._given_up:
            raise self._given_up
        try:
            return until_answered(self._call, request)
        except UnavailableError as error:
            self._given_up = error
            raise


@functools.cache
def google_client() -> Any:
    """Return the process' client; the environment says whether it signs in."""
    return Client(project=None, credentials=google_credentials())  # no request here needs a project
