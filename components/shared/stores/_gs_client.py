"""The client of ``gs://``: gcsfs, whose requests are retried here and nowhere below."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

from aiohttp import ClientTimeout
from gcsfs.core import GCSFileSystem
from google.auth.credentials import AnonymousCredentials

from components.shared.redaction import hide
from components.shared.stores._sign_in import google_credentials
from components.shared.stores.retries import CONNECT_SECONDS, read_seconds, until_answered_async, upload_seconds

_one_try = inspect.unwrap(GCSFileSystem._request)  # gcsfs tries six times, which takes half a minute and cannot be set


class GSClient(GCSFileSystem):  # type: ignore[misc]  # gcsfs is untyped
    """gcsfs with our retries instead of its own.

    Without a token, it would go on without credentials if Google's metadata server is late; ``options`` are what
    fsspec reads from the environment (FSSPEC_GS_TOKEN=anon for public buckets).
    """

    def __init__(self, **options: Any) -> None:
        timeout = ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=read_seconds())
        if "token" not in options:
            credentials = google_credentials()
            options["token"] = "anon" if isinstance(credentials, AnonymousCredentials) else credentials
        # Other pods write while this one reads: what a client remembers of a folder is out of date.
        super().__init__(**options, use_listings_cache=False, requests_timeout=timeout)

    def _get_headers(self, *arguments: Any, **options: Any) -> Any:
        """Return a request's headers; the token in them is masked in all output from now on."""
        headers = super()._get_headers(*arguments, **options)
        hide(headers.get("authorization", "").removeprefix("Bearer "))
        return headers

    async def _request(self, method: str, path: str, *names: str, **options: Any) -> Any:
        async def attempt() -> Any:
            async with asyncio.timeout(upload_seconds(options.get("data"))):
                return await _one_try(self, method, path, *names, **options)

        return await until_answered_async(f"{method} {self._format_path(path, names)}", attempt)
