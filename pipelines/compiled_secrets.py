"""Looks for secrets in a compiled pipeline: everyone who may see a run, or the repository, sees all of it.

A step gets its keys from a Kubernetes Secret, by name (resources.py). Found are values that look like a token, wherever
they stand, and whatever stands as a value behind a name that says so: an environment variable, an option of a command,
the default of a parameter, a constant that a task is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipelines.compiled_pipeline import declared_in
from pipelines.nested import walk

_TOKENS = {
    "a token of the Hugging Face hub": r"hf_[A-Za-z0-9]{20,}",
    "a key of an OpenAI-compatible API": r"sk-[A-Za-z0-9_-]{20,}",
    "an access key of AWS": r"(?:AKIA|ASIA)[A-Z0-9]{16}",
    "a key of a Google API": r"AIza[A-Za-z0-9_-]{35}",
    "an access token of Google": r"ya29\.[A-Za-z0-9_-]{20,}",
    "a token of GitHub": r"(?:gh[opsur]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})",
    "a JSON Web Token": r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY",
    "an address with a password": r"[a-z][a-z0-9+]*://[^\s/:@]+:[^\s/@]+@",
}
_TOKEN = {what: re.compile(rf"(?<![A-Za-z0-9_-]){pattern}") for what, pattern in _TOKENS.items()}
_SAYS_SECRET = re.compile(r"(^|[_-])(token|(?<!public[_-])key|password|passwd|credentials?)$", re.IGNORECASE)

Spec = Mapping[str, Any]


def find_secrets(documents: Sequence[Spec]) -> list[str]:
    """Return one line a secret, naming where it stands and never what it is; [] where there is none."""
    tokens = [
        f"{place}: {what} was found there; use a Kubernetes Secret (use_secret_as_env), and revoke it"
        for document in documents
        for place, what in find_tokens(document)
    ]
    named = [
        f"{place}: {name!r} has a value; use a Kubernetes Secret (use_secret_as_env)"
        for place, name, value in _named_values(documents[0])
        if _SAYS_SECRET.search(name) and _is_literal(value)
    ]
    return tokens + named


def find_tokens(document: Any) -> list[tuple[str, str]]:
    """Return place and kind of everything in a document that looks like a token."""
    return [
        (place, what) for place, text in _texts(document) for what, pattern in _TOKEN.items() if pattern.search(text)
    ]


def _texts(document: Any) -> Iterator[tuple[str, str]]:
    """Yield every text of a document with its place; keys as well."""
    for place, value in walk(document):
        if isinstance(value, str):
            yield place, value
        elif isinstance(value, Mapping):
            yield from ((place, str(key)) for key in value)


def _named_values(spec: Spec) -> Iterator[tuple[str, str, Any]]:
    """Yield place, name and value of everything that has both."""
    for label, executor in spec["deploymentSpec"]["executors"].items():
        container = executor.get("container", {})
        yield from ((f"{label}.env", each["name"], each.get("value", "")) for each in container.get("env", []))
        words = [*container.get("command", []), *container.get("args", [])]
        yield from ((f"{label}.args", *pair) for pair in _options(words))
    for graph, component in {"root": spec["root"], **spec["components"]}.items():
        for name, declared in declared_in(component).items():
            yield graph, name, declared.get("defaultValue", "")
        for task, given in component.get("dag", {}).get("tasks", {}).items():
            for name, value in given.get("inputs", {}).get("parameters", {}).items():
                yield f"{graph}/{task}", name, value.get("runtimeValue", {}).get("constant", "")


def _options(words: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if isinstance(word, str) and word.startswith("-"):
            name, _, value = word.lstrip("-").partition("=")
            yield name, value or following


def _is_literal(value: Any) -> bool:
    """Return whether a value is text of its own: not empty, no placeholder, no next option."""
    return isinstance(value, str) and bool(value) and not value.startswith(("{{$", "-"))
