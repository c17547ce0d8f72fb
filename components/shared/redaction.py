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
from urllib.parse import unquote

MASK = "[secret]"
MIN_CHARACTERS = 6  # of a secret: a shorter text is a word of other sentences, too
_NAMES = re.compile(r"(?:^|_)(?:key|token|secret|password|passwd|pat)(?:_|$)", re.IGNORECASE)
_NOT_SECRET = re.compile(r"_(?:file|path|dir|url|uri|env|name)$", re.IGNORECASE)  # says where one is
_USERS = re.compile(r"//([^/\s?#]*)@")  # and passwords, before a URL's host
_FIELDS = re.compile(r"[?&]([^=&\s]+)=([^&\s#]+)")  # of a URL's query
_PROXIES = re.compile(r"_proxy$", re.IGNORECASE)

_hidden: set[str] = set()


def hide(secret: str) -> None:
    """Keep a text out of what is written from now on, in whatever variable it stands."""
    if len(secret) >= MIN_CHARACTERS:
        _hidden.add(secret)


def redacted(text: str) -> str:
    """Return a text without the secrets that the environment holds."""
    if not text:
        return text
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def excerpt(text: str, length: int) -> str:
    """Return the beginning of a text without secrets: masked before it is cut, because half a secret is unknown."""
    return redacted(text)[:length]


class RedactingFormatter(logging.Formatter):
    """A formatter whose lines hold no secret, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return redacted(super().format(record))


def log_redacted(layout: str = logging.BASIC_FORMAT) -> None:
    """Let no line that this process logs, and no traceback that ends it, hold a secret."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter(layout))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    sys.excepthook = _say


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))


def _secrets() -> set[str]:
    found = set(_hidden)
    for name, value in os.environ.items():
        if _NAMES.search(name) and not _NOT_SECRET.search(name):
            found |= {value, value.strip()}
        else:
            found |= _secrets_in_urls(f"//{value}" if _PROXIES.search(name) and "://" not in value else value)
    return {secret for secret in found if len(secret) >= MIN_CHARACTERS}


def _secrets_in_urls(value: str) -> set[str]:
    """Return the passwords of the URLs in a value; a user without a password is a token, such as https://TOKEN@host."""
    if "//" not in value:
        return set()
    users = [userinfo.partition(":") for userinfo in _USERS.findall(value)]
    found = {password if colon else user for user, colon, password in users}
    found |= {text for name, text in _FIELDS.findall(value) if _NAMES.search(name)}
    return found | {unquote(secret) for secret in found}
