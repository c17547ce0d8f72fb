"""The webhook at the end of a run: a POST of one JSON object to the URL in ``SCALEQUEST_WEBHOOK_URL``.

The object::

    {"event": "run.ended", "version": 1, "run": "20261130-111635-smoke-3f9c61", "preset": "smoke",
     "pipeline": "scalequest", "workspace": "runs/smoke", "state": "succeeded", "exit_code": 0,
     "steps_done": 32, "num_steps": 32, "began_at": "2026-11-30T11:16:35+00:00",
     "ended_at": "2026-11-30T11:21:02+00:00", "folder": "runs/smoke/package_dataset/edd8…", "message": ""}

``state`` is succeeded, failed, stopped or terminated; ``message`` says why a run failed. Of a run on a cluster, ``run``
is its id, and it is the command that follows it (``submit --watch``, ``status --watch``) that tells.

An answer of 2xx is the end of it. What may pass (most 5xx, 408, 429, no answer) is tried again for a minute. What
cannot be told is logged: it changes nothing of the run, nor of the exit code. The URL often holds a token, so no output
shows it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException, InvalidURL
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from components.shared.errors import InputError, UnavailableError
from components.shared.passing import is_untrusted, status_passes
from components.shared.plain_text import inert, shortened
from components.shared.redaction import hide, redacted
from components.shared.stores.retries import Patience, until_answered

VARIABLE = "SCALEQUEST_WEBHOOK_URL"
LIMIT_SECONDS = 60.0  # for which it is tried
ANSWER_SECONDS = 10.0  # for one answer
VERSION = 1
MAX_ANSWER = 200  # characters of what the server said, in a message
LONG = 16  # characters: a longer path may be a token, a shorter one of letters only is an ordinary word

State = Literal["succeeded", "failed", "stopped", "terminated"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class EndOfRun:
    """What is told of a run that has ended."""

    run: str
    preset: str = ""
    pipeline: str = ""
    workspace: str
    state: State
    exit_code: int
    steps_done: int
    num_steps: int
    began_at: str = ""
    ended_at: str
    folder: str = ""  # that its last step has made
    message: str = ""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Takes a redirect for a refusal: a POST would become a GET without its content."""

    def redirect_request(self, *_: object) -> None:
        """Follow none."""


def webhook_url() -> str:
    """Return the URL that is to be told, "" for none; InputError for what is no URL."""
    url = os.environ.get(VARIABLE, "").strip()
    if not url:
        return ""
    address = _address_of(url)
    if address is None or address.scheme not in ("http", "https") or not address.hostname:
        raise InputError(f"{VARIABLE} is not the URL of a web server; expected https://host/path or http://host/path")
    if "@" in address.netloc:
        raise InputError(f"{VARIABLE} has a user before its host, which is not sent; expected the token in the path")
    if re.search(r"[^!-~]", url):
        raise InputError(f"{VARIABLE} has a space or another sign that no URL has; write such signs as %20")
    return url


def _address_of(url: str) -> SplitResult | None:
    """Return the parts of a URL, None if it has none, and hide what may be its token."""
    try:
        address = urlsplit(url)
        _ = address.port  # is read here: a wrong one raises an error
    except ValueError:
        return None
    target = address._replace(scheme="", netloc="", fragment="").geturl()
    if len(target) > LONG or re.search(r"\d", target):
        hide(target)
    for part in re.split(r"[/?&=]", target):  # a server may quote the token alone
        if len(part) > LONG and re.search(r"\d", part):
            hide(part)
    return address


def tell(end: EndOfRun) -> None:
    """Tell the webhook, if there is one, that a run has ended."""
    try:
        if url := webhook_url():
            told = {name: redacted(value) if isinstance(value, str) else value for name, value in vars(end).items()}
            _post(url, {"event": "run.ended", "version": VERSION, **told})
    except (InputError, UnavailableError) as error:
        logger.warning("the webhook was not told that run %s has ended: %s", end.run, error)


def _post(url: str, content: Mapping[str, object]) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "scalequest"}
    request = urllib.request.Request(url, json.dumps(content).encode(), headers, method="POST")  # noqa: S310 - checked
    opener = urllib.request.build_opener(_NoRedirects)

    def attempt() -> None:
        with opener.open(request, timeout=ANSWER_SECONDS):
            pass

    patience = Patience(
        whom="webhook",
        limit=LIMIT_SECONDS,
        longest_asked_wait=LIMIT_SECONDS,
        may_pass=_may_pass,
        answer_of=_answer_of,
        kept="the run is not affected",
    )
    try:
        until_answered(f"the webhook at {urlsplit(url).hostname}", attempt, patience=patience)
    except urllib.error.HTTPError as error:
        raise InputError(f"it refuses this: {_answer_of(error)}; check {VARIABLE}") from error
    except (OSError, ValueError, HTTPException) as error:
        raise InputError(f"{_answer_of(error)}; check {VARIABLE}") from error


def _may_pass(error: BaseException) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return status_passes(error.code)
    if is_untrusted(error) or isinstance(error, InvalidURL):
        return False
    return isinstance(error, OSError | HTTPException)


def _answer_of(error: BaseException) -> str:
    if isinstance(error, urllib.error.HTTPError):
        said = f"{error.code} {error.reason}"
    else:
        said = str(error.reason if isinstance(error, urllib.error.URLError) else error)
    return shortened(inert(redacted(said)), MAX_ANSWER) or type(error).__name__
