"""What an address says by itself: a config is checked before a store's or the hub's client is loaded."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal

from components.shared.errors import InputError

Kind = Literal["model", "dataset"]
STORES = ("gs", "s3", "file")
SERVED = "openai:"  # begins the name of a model behind an endpoint: openai:gpt-4o-mini
SCHEMES = {"hf": "hf://", "gs": "gs://", "s3": "s3://", "openai": SERVED, "package": "package:", "random": "random:"}
MODEL_SCHEMES = "a workspace's model folder, a directory, gs://…, s3://… or hf://org/name@revision"


def meant_by(address: str, *, is_model: bool = False) -> str:
    """Return what an address at which nothing stands may have been meant as, to end a message with; "" for nothing."""
    if re.fullmatch(r"[\w.-]+/[\w.-]+", address):
        return (
            f", or write hf://{address}@main for a model of the hub, hf://datasets/{address}@main/FILE for a data set"
        )
    if "[" in address:
        return "; in a pattern, * stands for any characters and ? for one, and brackets for themselves"
    if is_model and re.fullmatch(r"[\w-]+", address):
        return f", or write {SERVED}{address} for a model behind an endpoint"
    scheme, colon, rest = address.partition(":")
    close = difflib.get_close_matches(scheme, SCHEMES, n=1) if colon else []
    return f", or write {SCHEMES[close[0]]}{rest.lstrip('/')}" if close else ""


def check_spelling(address: str) -> None:
    """Raise InputError for an address that would be another folder than the one that is meant.

    A shell replaces no ~ in quotes or behind an =, and paths of programs lose one of the two slashes of a scheme.
    """
    if address != address.strip():
        raise InputError(f"{address!r} begins or ends with white space; write {address.strip()!r}")
    if address.startswith("~"):
        raise InputError(f"{address!r} begins with ~, which the shell did not replace; write $HOME or the whole path")
    if cut := re.match(r"(gs|s3|hf):(?!//)/*|(file):(?!//)", address):
        scheme = f"{cut[1] or cut[2]}:"
        raise InputError(f"{address!r} lacks // behind {scheme}; write {scheme}//{address[cut.end() :]}")


@dataclass(frozen=True, kw_only=True)
class HubAddress:
    """``hf://org/name@revision``, or ``hf://datasets/org/name@revision/path/in/repo``.

    A slash in a revision is written ``%2F``: at ``refs%2Fconvert%2Fparquet``, the hub has datasets as Parquet.
    """

    kind: Kind
    repo: str
    revision: str
    path: str = ""

    @property
    def is_pinned(self) -> bool:
        """Whether the revision is a commit: a tag or a branch may be another one tomorrow."""
        return re.fullmatch(r"[0-9a-f]{40}", self.revision) is not None

    def __str__(self) -> str:
        prefix = "datasets/" if self.kind == "dataset" else ""
        revision = self.revision.replace("/", "%2F")
        return f"hf://{prefix}{self.repo}@{revision}" + (f"/{self.path}" if self.path else "")


@dataclass(frozen=True, kw_only=True)
class HubRepository:
    """``hf://org/name`` or ``hf://datasets/org/name``: where something is pushed to."""

    kind: Kind
    name: str  # "org/name"

    def __str__(self) -> str:
        return f"hf://{'datasets/' if self.kind == 'dataset' else ''}{self.name}"


def scheme_of_model(uri: str) -> str:
    """Return "hf", "package", "random" or a scheme of a store; InputError for any other."""
    if not uri:
        raise InputError(f"the model URI is empty; expected {MODEL_SCHEMES}")
    check_spelling(uri)
    if uri.startswith(("package:", "random:")):
        return uri.split(":", 1)[0]
    scheme = uri.split("://", 1)[0] if "://" in uri else "file"
    if scheme != "hf" and scheme not in STORES:
        raise InputError(f"{uri!r} has the unknown scheme {scheme!r}; expected {MODEL_SCHEMES}")
    return scheme


def parse_address(uri: str, kind: Kind) -> HubAddress:
    """Read an ``hf://`` address; InputError if it is none of that kind, or lacks the revision or the file."""
    words = re.fullmatch(r"hf://(datasets/)?((?:[\w.-]+/)?[\w.-]+)@([^/@]+)(?:/(.+))?", uri)
    if words is None or bool(words[1]) != bool(words[4]) or bool(words[1]) != (kind == "dataset"):
        raise InputError(
            f"{uri!r} is not an address of a {kind} on the hub; expected hf://org/name@revision for a model, or "
            "hf://datasets/org/name@revision/path/in/repo.parquet; the revision is a commit, a tag or a branch"
        )
    return HubAddress(kind=kind, repo=words[2], revision=words[3].replace("%2F", "/"), path=words[4] or "")


def parse_repository(text: str, kind: Kind) -> HubRepository:
    """Read where something of a kind is pushed to; InputError for what is no repository, or one of the other kind."""
    words = re.fullmatch(r"(hf://)?(datasets/)?([\w-][\w.-]*/[\w-][\w.-]*)", text)
    if words is None:
        raise InputError(
            f"{text!r} names no repository of the hub; expected hf://datasets/owner/name for a dataset, "
            "hf://owner/name for a model, or owner/name"
        )
    repository = HubRepository(kind="dataset" if words[2] else "model", name=words[3])
    if (words[1] or words[2]) and repository.kind != kind:
        raise InputError(
            f"{text!r} names a {repository.kind}, but the folder holds a {kind}; expected "
            f"{HubRepository(kind=kind, name=words[3])}"
        )
    return HubRepository(kind=kind, name=words[3])


def check_pinned(uri: str) -> None:
    """Raise InputError unless an ``hf://`` address names a commit, which alone says what is read."""
    address = parse_address(uri, "dataset" if uri.startswith("hf://datasets/") else "model")
    if not address.is_pinned:
        step = "import_questions" if address.kind == "dataset" else "import_model"
        raise InputError(
            f"{uri!r} may change to another commit; import it first (python -m components.{step} --source {uri} "
            "--workspace …), or name a commit by its 40 hexadecimal digits"
        )
