"""Keys, tokens and passwords stay out of everything that is written: messages, logs, last words, rejected rows.

A secret comes from the environment. Whatever is written goes through ``redacted``, because a server or a library may
quote what it was given.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from types import TracebackType
from urllib.parse import unquote, urlsplit

MASK = "[secret]"
MIN_CHARACTERS = 6  # of a secret: a shorter text is a word of other sentences, too
_NAMES = re.compile(r"(?:^|_)(?:key|token|secret|password|passwd|pat)(?:_|$)", re.IGNORECASE)
_NOT_SECRET = re.compile(r"_(?:file|path|dir|url|uri|env|name)$", re.IGNORECASE)  # says where one is
_PROXIES = re.compile(r"_proxy$", re.IGNORECASE)

_hidden: set[str] = set()


def hide(secret: str) -> None:
    """Keep a text out of what is written from now on, in whatever variable it stands."""
    if len(secret) >= MIN_CHARACTERS:
        _hidden.add(secret)


def redacted(text: str) -> str:
    """Return a text without the secrets that the environment holds."""
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


class RedactingFormatter(logging.Formatter):
    """A formatter whose lines hold no secret, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return redacted(super().format(record))


def redact_tracebacks() -> None:
    """Let the traceback that ends this process hold no secret."""
    sys.excepthook = _say


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))


def _secrets() -> set[str]:
    found = set(_hidden)
    for name, value in os.environ.items():
        if _NAMES.search(name) and not _NOT_SECRET.search(name):
            found |= {value, value.strip()}
        elif _PROXIES.search(name):
            found |= _passwords(value)
    return {secret for secret in found if len(secret) >= MIN_CHARACTERS}


def _passwords(url: str) -> set[str]:
    userinfo = urlsplit(url if "://" in url else f"//{url}").netloc.rpartition("@")[0]
    password = userinfo.partition(":")[2]
    return {password, unquote(password)}
