"""An endpoint's address, its key and its proxy: refused, with the remedy, if they cannot be right."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import re
from urllib.parse import SplitResult, urlsplit

from components.shared import redaction
from components.shared.errors import InputError

EXPECTED = "expected the base URL of an OpenAI-compatible server, such as https://host/v1"
# Paths that follow an API's base URL, and never end it.
_PATHS = re.compile(
    r"/(?:chat/completions|completions|chat|models|responses|messages|embeddings|generate)/*$", re.IGNORECASE
)
_SET_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The name of a variable that is not set is shown only if it cannot be a key: keys have long words in lower case.
_UNSET_NAME = re.compile(r"_*[A-Z][A-Z0-9]{0,14}(?:_+[A-Z0-9]{1,15})*")


def check_address(endpoint: str) -> None:
    """Raise InputError for what is not a base URL; the message does not show what may be a secret."""
    if "@" in endpoint.rpartition("://")[2].partition("/")[0]:
        raise InputError(
            "--endpoint has a user or a key before its host, which would appear in plans, logs and the dataset's "
            "lineage; give the URL without it, and the key in the environment variable that --api-key-env names"
        )
    if "?" in endpoint or "#" in endpoint:
        raise InputError(
            f"--endpoint {re.split('[?#]', endpoint)[0]} is followed by a query, which may hold a key; give the base "
            "URL alone, and a key in the environment variable that --api-key-env names"
        )
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError as error:
        raise InputError(f"--endpoint {endpoint!r} is not a URL ({error}); {EXPECTED}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or re.search(r"\s", endpoint):
        raise InputError(f"--endpoint {endpoint!r} cannot be used; {EXPECTED}")
    if found := _PATHS.search(parts.path):
        base = endpoint.rstrip("/").removesuffix(found.group().rstrip("/"))
        raise InputError(
            f"--endpoint {endpoint} is the address of one request; give the base URL, to which {found.group()} is "
            f"added: {base}"
        )


def hint_for(endpoint: str) -> str:
    """Return what to try if a server does not know the paths below an endpoint."""
    if re.search(r"/v\d\w*/*$|/openai/*$", urlsplit(endpoint).path):
        return "check the address: it has to be the base URL of an OpenAI-compatible API"
    return f"try --endpoint {endpoint.rstrip('/')}/v1"


def key_in(variable: str) -> str:
    """Return the key in an environment variable, "" if it is not set; from then on it is masked in all output."""
    is_name = _SET_NAME if os.environ.get(variable) else _UNSET_NAME
    if not is_name.fullmatch(variable):
        redaction.hide(variable)
        raise InputError(
            "--api-key-env is not a name of an environment variable that is set (its value is not shown because it "
            "may be a key); give the name of the variable that holds the key, such as OPENAI_API_KEY"
        )
    key = os.environ.get(variable, "").strip()
    redaction.hide(key)
    if not re.fullmatch(r"[!-~]*", key):
        raise InputError(
            f"the key in the environment variable {variable} holds a space, a line break or a character beyond ASCII, "
            "which no key has (it is not shown); set the variable to the key alone"
        )
    return key


def proxy_for(endpoint: str) -> tuple[str, str]:
    """Return the proxy for an endpoint and the variable that names it; ("", "") if there is none."""
    parts = urlsplit(endpoint)
    if _is_excepted(parts):
        return "", ""
    for name in (f"{parts.scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if proxy := os.environ.get(variable, "").strip():
                return _checked(proxy, variable), variable
    return "", ""


def _checked(proxy: str, variable: str) -> str:
    """Return a proxy's URL; InputError, without its password, if it cannot be used."""
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    instead = "name an HTTP proxy, or except the endpoint's host by NO_PROXY"
    try:
        scheme, _ = (parts := urlsplit(proxy)).scheme, parts.port
    except ValueError as error:
        raise InputError(f"the environment variable {variable} is not a URL of a proxy; {instead}") from error
    if scheme not in ("http", "https", "socks5", "socks5h") or not parts.hostname:
        raise InputError(f"the environment variable {variable} names a proxy of an unknown kind ({scheme}); {instead}")
    if scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise InputError(
            f"the environment variable {variable} names a SOCKS proxy, which needs the package socksio; install it, or "
            f"{instead}"
        )
    return proxy


def _is_excepted(endpoint: SplitResult) -> bool:
    """Tell whether NO_PROXY excepts a host: by its name, a domain, an address or a network, with a port or without."""
    host = (endpoint.hostname or "").lower()
    port = endpoint.port or (443 if endpoint.scheme == "https" else 80)
    entries = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    return any(_fits(entry.strip().lower(), host, port) for entry in re.split(r"[,\s]+", entries) if entry.strip())


def _fits(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    entry = entry.rpartition("://")[2]
    if found := re.fullmatch(r"(\[[^\]]+\]|[^:]+):(\d+)", entry):
        entry, its_port = found.groups()
        if int(its_port) != port:
            return False
    entry = entry.strip("[]")
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        domain = entry.removeprefix("*").lstrip(".")
        return host == domain or host.endswith(f".{domain}")
