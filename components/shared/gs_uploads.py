"""Uploads to ``gs://`` with Google's own client: large files by a multipart upload (XML API), several parts at a time.

The client sends a CRC32C with each part, and the store refuses what arrives otherwise. An upload that is killed leaves
parts that no listing shows: let the bucket's lifecycle rules abort incomplete multipart uploads.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.api_core.exceptions import NotFound
from google.cloud.storage import Blob, Client, transfer_manager
from google.cloud.storage.exceptions import InvalidResponse

from components.shared import stopping
from components.shared.errors import InputError, UnavailableError
from components.shared.multipart import PART_BYTES, part_bytes
from components.shared.parallel import THREADS
from components.shared.retries import until_answered

logger = logging.getLogger(__name__)


def upload_file(path: Path, uri: str) -> None:
    """Write an object from a local file; it appears whole or not at all."""
    blob = Blob.from_uri(uri, client=google_client())
    size = path.stat().st_size
    if size > PART_BYTES and _upload_parts(path, blob, size):
        return
    blob.chunk_size = PART_BYTES  # of a resumable upload: what is sent, and held in memory, at a time
    try:
        blob.upload_from_filename(str(path), checksum="crc32c", retry=_Retries(uri))
    except NotFound as error:
        raise InputError(f"{uri}: its bucket does not exist; make it first, or check the address") from error


def _upload_parts(path: Path, blob: Any, size: int) -> bool:
    """Upload by parts; False where the store does not let us (an emulator, a role that lacks the permission)."""
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
    except InvalidResponse as refusal:
        logger.info("%s takes no upload by parts (%s): uploading in one stream", blob.bucket.name, refusal)
        return False
    return True


class _Retries:
    """What the client takes in place of a retry strategy of its own: the one for all stores.

    The client sends all parts of an upload, even after one was given up or the process was asked to stop; here those
    that are left end at once.
    """

    def __init__(self, uri: str) -> None:
        self._call = f"a request of the upload of {uri}"
        self._given_up: UnavailableError | None = None

    def __call__(self, request: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: self._send(request)

    def _send(self, request: Callable[[], Any]) -> Any:
        stopping.check()
        if self._given_up:
            raise self._given_up
        try:
            return until_answered(self._call, request)
        except UnavailableError as error:
            self._given_up = error
            raise


@functools.cache
def google_client() -> Any:
    """Return the process's client; it signs in, or not, as the environment says."""
    return Client(project=None)  # no request here needs one
