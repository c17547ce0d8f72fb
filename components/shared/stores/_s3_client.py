"""The client of ``s3://``: s3fs, whose requests are retried here and nowhere below."""

from __future__ import annotations

import asyncio
import io
import os
import re
from datetime import datetime
from typing import Any, cast

from aiobotocore.session import AioSession  # type: ignore[import-untyped]
from botocore.utils import parse_timestamp  # type: ignore[import-untyped]
from fsspec.asyn import sync_wrapper
from s3fs import S3FileSystem

from components.shared.errors import InputError
from components.shared.redaction import hide
from components.shared.stores._sign_in import wait_for_aws_credentials
from components.shared.stores.retries import CONNECT_SECONDS, read_seconds, until_answered_async, upload_seconds


class S3Client(S3FileSystem):  # type: ignore[misc]  # s3fs is untyped
    """s3fs with our retries instead of its own and of botocore's (AWS_MAX_ATTEMPTS has no effect).

    The body of an answer is read as part of the request, completely: large objects are read by ranges. ``options``
    are what fsspec reads from the environment (FSSPEC_S3_ANON=true for public buckets). AWS_REGION is read here:
    botocore, unlike Amazon's clients in other languages, knows AWS_DEFAULT_REGION alone.
    """

    retries = 1
    session: Any

    def __init__(self, **options: Any) -> None:
        self._signing_in = asyncio.Lock()
        self._signed_in = False
        if region := os.environ.get("AWS_REGION"):
            options["client_kwargs"] = {"region_name": region} | options.get("client_kwargs", {})
        timeouts = {"connect_timeout": CONNECT_SECONDS, "read_timeout": read_seconds()}
        super().__init__(
            **options,
            # Other pods write while this one reads: what a client remembers of a folder is out of date.
            use_listings_cache=False,
            max_concurrency=1,  # an object is read in one request, without another one for its size
            config_kwargs=timeouts | {"retries": {"mode": "standard", "total_max_attempts": 1}},
        )

    async def set_session(self, *arguments: Any, **options: Any) -> Any:
        """Return botocore's client; the first time, wait for credentials that come late."""
        async with self._signing_in:
            if not self._signed_in:
                await wait_for_aws_credentials(self._has_credentials)
                self._signed_in = True
        return await super().set_session(*arguments, **options)

    async def _has_credentials(self) -> bool:
        if not self.session:  # s3fs would make it later
            self.session = AioSession(**self.kwargs)
            self.session.register("before-send.s3", _check_headers)
            self.session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_parse_time)
        return bool(self.anon or self.key or await self.session.get_credentials())

    async def _call_s3(self, method: str, *arguments: Any, **options: Any) -> Any:
        async def attempt() -> Any:
            async with asyncio.timeout(upload_seconds(options.get("Body"))):
                answer = await super(S3Client, self)._call_s3(method, *arguments, **options)
                if method == "get_object":
                    answer["Body"] = _Content(await answer["Body"].read())
            return answer

        name = "/".join(str(options[part]) for part in ("Bucket", "Key", "Prefix") if part in options)
        client = await self.set_session()  # asks nobody yet
        return await until_answered_async(f"{method} of s3://{name} at {client.meta.endpoint_url}", attempt)

    call_s3 = sync_wrapper(_call_s3)


def _check_headers(request: Any, **_: Any) -> None:
    """Mask the session's token from now on; raise InputError if the credentials are such that no header takes them."""
    token = _text(request.headers.get("X-Amz-Security-Token", ""))
    hide(token)
    if not re.fullmatch(r"[ -~]*", token + _text(request.headers.get("Authorization", ""))):
        raise InputError(
            "the credentials for s3:// hold a line break or a character beyond ASCII (they are not shown); give "
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or their lines in the credentials file, "
            "without it"
        )


def _text(header: str | bytes) -> str:
    return header.decode("latin-1") if isinstance(header, bytes) else header


def _parse_time(text: Any) -> datetime:
    """Read a time as a listing has one for each object; by botocore's own way, half of a listing's time went there."""
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return cast(datetime, parse_timestamp(text))


class _Content:
    """The body of an answer that has been read."""

    def __init__(self, content: bytes) -> None:
        self._file = io.BytesIO(content)

    async def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def close(self) -> None:
        pass
