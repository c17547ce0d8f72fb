"""A proxy in front of an S3 or a GCS server that answers a share of the calls wrongly, late or not at all.

::

    with fault_proxy(store.environment["AWS_ENDPOINT_URL"], share=0.1, seed=7) as proxy:
        environment = store.environment | {"AWS_ENDPOINT_URL": proxy.url}
        ...
        assert proxy.faults["503"] > 0

A call's Host header passes as the client signed it (SigV4). Addresses of the server in a GCS server's answers (where to
go on with an upload, where an object's bytes are) become addresses of the proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import random
import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from tests.stores import Store

# 500, 503, 429: refused; cut: half of the answer's body, no answer, or half of an upload reaches the server;
# delay: passed on late. 401, 403: refused for good.
KINDS = ("500", "503", "429", "cut", "delay")
_CODES = {
    "500": "InternalError",
    "503": "SlowDown",
    "429": "TooManyRequests",
    "401": "Unauthorized",
    "403": "AccessDenied",
}
_OF_A_CONNECTION = ("Connection", "Keep-Alive", "Transfer-Encoding", "Expect", "Content-Length")


class FaultProxy:
    """The running proxy; ``share`` may be changed while it runs.

    ``forgotten`` is a parameter of addresses that never reaches the server, as if that did not know it. Once
    ``silent_from`` bytes have passed, calls get no answer, until it is set anew: to kill a client in the middle.
    ``calls`` counts the calls that came in, ``faults`` those answered wrongly, by kind; ``bytes_read`` and
    ``bytes_written`` what passed in bodies.
    """

    def __init__(
        self, upstream: str, share: float, seed: int, kinds: Sequence[str], methods: Sequence[str], delay_seconds: float
    ) -> None:
        self.upstream = upstream.rstrip("/")
        self.url = ""
        self.share = share
        self.kinds = kinds
        self.methods = methods
        self.delay_seconds = delay_seconds
        self.forgotten = ""
        self.silent_from = math.inf
        self.calls: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.bytes_read = self.bytes_written = 0
        self._draws = random.Random(seed)

    async def start(self) -> None:
        """Listen on a free port."""
        self._session = aiohttp.ClientSession(auto_decompress=False)
        application = web.Application(client_max_size=2**40)
        application.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://{urlsplit(self.upstream).hostname}:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        """Close all connections."""
        await self._runner.cleanup()
        await self._session.close()

    def is_silent(self) -> bool:
        """Tell whether so many bytes have passed that calls get no answer."""
        return self.bytes_read + self.bytes_written >= self.silent_from

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.calls[request.method] += 1
        kind = self._draw(request.method)
        self.faults.update([kind] if kind else [])
        if kind in _CODES:
            return _refusal(kind, request)
        if kind == "delay":
            await asyncio.sleep(self.delay_seconds)
        if self.is_silent():
            while self.is_silent():
                await asyncio.sleep(0.01)
            return _disconnect(request)
        if kind == "cut" and body and self._draws.random() < 0.5:
            await self._send_half(request, body)
            return _disconnect(request)
        answer = await self._pass_on(request, body)
        return await _cut(request, answer) if kind == "cut" else answer

    def _draw(self, method: str) -> str:
        if self.methods and method not in self.methods:
            return ""
        return self._draws.choice(self.kinds) if self._draws.random() < self.share else ""

    async def _pass_on(self, request: web.Request, body: bytes) -> web.Response:
        path = (
            re.sub(rf"(?<=[?&]){self.forgotten}=[^&]*&?", "", request.raw_path) if self.forgotten else request.raw_path
        )
        url = URL(self.upstream + path, encoded=True)
        async with self._session.request(
            request.method, url, headers=_headers(request.headers), data=body, allow_redirects=False
        ) as answer:
            content = await answer.read()
            headers = _headers(answer.headers)
        self.bytes_read += len(content)
        self.bytes_written += len(body)
        if request.method == "HEAD":
            headers["Content-Length"] = answer.headers.get("Content-Length", "0")
        if "Location" in headers:
            headers["Location"] = headers["Location"].replace(self.upstream, self.url)
        if request.path.startswith(("/storage/", "/upload/")) and request.query.get("alt") != "media":
            content = content.replace(self.upstream.encode(), self.url.encode())
        return web.Response(status=answer.status, body=content or None, headers=headers)

    async def _send_half(self, request: web.Request, body: bytes) -> None:
        """Let the server see half of an upload, then the end of the connection."""
        address = urlsplit(self.upstream)
        _, writer = await asyncio.open_connection(address.hostname, address.port)
        headers = {**_headers(request.headers), "Content-Length": str(len(body))}
        lines = [f"{request.method} {request.raw_path} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
        writer.write("\r\n".join([*lines, "", ""]).encode() + body[: len(body) // 2])
        await writer.drain()
        writer.close()


@contextlib.contextmanager
def fault_proxy(
    upstream: str,
    *,
    share: float = 0.1,
    seed: int = 0,
    kinds: Sequence[str] = KINDS,
    methods: Sequence[str] = (),
    delay_seconds: float = 5.0,
) -> Iterator[FaultProxy]:
    """Run a proxy in front of ``upstream`` that gives a share of the calls (of these HTTP methods, or all) to faults.

    The same seed draws the same faults, in the order in which calls come in.
    """
    proxy = FaultProxy(upstream, share, seed, kinds, methods, delay_seconds)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="fault proxy", daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(proxy.start(), loop).result()
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass(frozen=True, kw_only=True)
class FaultyStore(Store):
    """An empty bucket behind a proxy that does no harm until its ``share`` is set."""

    proxy: FaultProxy


@pytest.fixture
def faulty_store(remote_store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyStore]:
    """An empty bucket behind a proxy, once in each kind of object store; this process and those it starts use it."""
    (name,) = {"AWS_ENDPOINT_URL", "STORAGE_EMULATOR_HOST"} & {*remote_store.environment}
    with fault_proxy(remote_store.environment[name], share=0) as proxy, new_clients():
        monkeypatch.setenv(name, proxy.url)
        yield FaultyStore(uri=remote_store.uri, environment={**remote_store.environment, name: proxy.url}, proxy=proxy)


@contextlib.contextmanager
def new_clients() -> Iterator[None]:
    """Let clients be made anew in the block, and forgotten after it."""
    os.environ.setdefault("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")
    from components.shared.stores._gs_client import GSClient
    from components.shared.stores._gs_uploads import google_client
    from components.shared.stores._s3_client import S3Client

    for forget in (S3Client.clear_instance_cache, GSClient.clear_instance_cache, google_client.cache_clear):
        forget()
    yield
    for forget in (S3Client.clear_instance_cache, GSClient.clear_instance_cache, google_client.cache_clear):
        forget()


def _headers(headers: CIMultiDict[str] | aiohttp.typedefs.LooseHeaders) -> CIMultiDict[str]:
    kept = CIMultiDict(headers)
    for name in _OF_A_CONNECTION:
        kept.popall(name, None)
    return kept


def _refusal(kind: str, request: web.Request) -> web.Response:
    """Answer as the kind of server does that stands behind the proxy."""
    if request.path.startswith(("/storage/", "/upload/", "/download/", "/batch/")):
        body, kind_of_body = f'{{"error": {{"code": {kind}, "message": "{_CODES[kind]}"}}}}', "application/json"
    else:
        code = f"<Code>{_CODES[kind]}</Code><Message>Please reduce your request rate.</Message>"
        body, kind_of_body = f'<?xml version="1.0" encoding="UTF-8"?><Error>{code}</Error>', "application/xml"
    headers = {"Retry-After": "1"} if kind == "429" else {}
    return web.Response(status=int(kind), text=body, content_type=kind_of_body, headers=headers)


async def _cut(request: web.Request, answer: web.Response) -> web.StreamResponse:
    """Send half of an answer's body, or no answer where it has none."""
    content = answer.body
    if not isinstance(content, bytes) or request.method == "HEAD":
        return _disconnect(request)
    headers = answer.headers.copy()
    headers["Content-Length"] = str(len(content))
    response = web.StreamResponse(status=answer.status, headers=headers)
    await response.prepare(request)
    await response.write(content[: len(content) // 2])
    return _disconnect(request)


def _disconnect(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()  # what was written so far is still sent
    return web.Response()
