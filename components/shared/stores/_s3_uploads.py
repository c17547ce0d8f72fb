"""Uploads to ``s3://``: large files by a multipart upload, several parts at a time.

The client sends a CRC32 with each part, and the store refuses a part that arrives damaged. An upload that is killed
leaves parts that no listing shows: let the bucket's lifecycle rules abort incomplete multipart uploads.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from components.shared.stores import storage
from components.shared.stores._parallel import PART_BYTES, in_parallel, part_bytes


def upload_file(path: Path, uri: str) -> None:
    """Write an object from a local file; it appears complete or not at all."""
    if path.stat().st_size <= PART_BYTES:
        _call("put_object", uri, Body=path.read_bytes())
    else:
        _Multipart(path, uri).run()


class _Multipart:
    def __init__(self, path: Path, uri: str) -> None:
        self.path, self.uri = path, uri
        self.size = path.stat().st_size
        self.part_bytes = part_bytes(self.size)
        self.upload = _call("create_multipart_upload", uri, ChecksumAlgorithm="CRC32")["UploadId"]
        self.parts: dict[int, dict[str, Any]] = {}

    def run(self) -> None:
        try:
            in_parallel(self._send, range(-(-self.size // self.part_bytes)))
            parts = [self.parts[number] for number in sorted(self.parts)]
            self._complete(parts)
        except BaseException:
            with contextlib.suppress(Exception):  # the first error says more
                _call("abort_multipart_upload", self.uri, UploadId=self.upload)
            raise

    def _send(self, number: int) -> None:
        with self.path.open("rb") as file:
            file.seek(number * self.part_bytes)
            content = file.read(self.part_bytes)
        answer = _call("upload_part", self.uri, UploadId=self.upload, PartNumber=number + 1, Body=content)
        told = {name: value for name, value in answer.items() if name in ("ETag", "ChecksumCRC32")}
        self.parts[number] = {"PartNumber": number + 1, **told}

    def _complete(self, parts: list[dict[str, Any]]) -> None:
        try:
            _call("complete_multipart_upload", self.uri, UploadId=self.upload, MultipartUpload={"Parts": parts})
        except FileNotFoundError:  # the answer of an earlier request was lost: the upload is complete
            if storage.list_files(self.uri).get("") != self.size:
                raise


def _call(method: str, uri: str, **arguments: Any) -> Any:
    filesystem = storage.filesystem(uri)
    bucket, key, _ = filesystem.split_path(uri)
    return filesystem.call_s3(method, Bucket=bucket, Key=key, **arguments)
