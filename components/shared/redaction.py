"""Keys, tokens and passwords stay out of all output: messages, logs, termination messages, rejected rows.

Secrets come from the environment, or are hidden where they are used: the tokens for the hub and the stores, which may
come from files. All output goes through ``redacted``, because a server or a library may quote them.
"""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

MASK = "[secret]"
MIN_CHARACTERS = 6  # of a secret: a shorter text may be an ordinary word
_NAMES = re.compile(r"(?:^|_)(?:key|token|secret|password|passwd|pat)(?:_|$)", re.IGNORECASE)
_NOT_SECRET = re.compile(r"_(?:file|path|dir|url|uri|env|name)$", re.IGNORECASE)  # says where one is
_USERS = re.compile(r"//([^/\s?#]*)@")  # and passwords, before a URL's host
_FIELDS = re.compile(r"[?&]([^=&\s]+)=([^&\s#]+)")  # of a URL's query
_PROXIES = re.compile(r"_proxy$", re.IGNORECASE)

_hidden: set[str] = set()


def hide(secret: str) -> None:
    """Mask a text in all output from now on, whichever variable holds it."""
    if len(secret) >= MIN_CHARACTERS:
        _hidden.add(secret)


def redacted(text: str) -> str:
    """Return a text without the secrets in the environment, and without those that were hidden."""
    if not text:
        return text
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def excerpt(text: str, length: int) -> str:
    """Return the beginning of a text, masked before it is cut: half a secret would not be recognised."""
    return redacted(text)[:length]


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
