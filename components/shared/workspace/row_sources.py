"""What a step reads: a finished folder, or, at ``{folder}/rejected``, the rows that a finished folder rejected.

``{folder}/rejected/{reason}`` are those with one reason. A later step, or the same one with other options, can read
them again. The column ``history`` of each such row then says where and why it was rejected. A slice never crosses an
object of rejected rows: there are at least as many parts as parts that rejected something.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from components.shared.addresses import STORES
from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.workspace._descriptions import digest_of_content
from components.shared.workspace.ledgers import REJECTED, Ledger, read_ledgers
from components.shared.workspace.manifests import MANIFEST, Manifest, PartEntry, read_manifest
from components.shared.workspace.plans import PLAN
from components.shared.workspace.tables import read_checked

_ADDRESS = re.compile(rf"(?P<folder>.*/[0-9a-f]{{16}})/{REJECTED}(?:/(?P<reason>\w+))?/?")


@dataclass(frozen=True, kw_only=True)
class RowSource:
    """A finished folder as an input: what it holds, or what it rejected."""

    uri: str  # as it was given
    folder: str
    manifest: Manifest
    rejected: bool = False  # whether it is the folder's rejected rows
    reason: str = ""  # of the rejected rows that are read; "" for all

    @property
    def fingerprint(self) -> str:
        """What identifies the input in the fingerprint of a folder that is made from it."""
        if not self.rejected:
            return self.manifest.fingerprint
        return hashlib.sha256(f"{self.manifest.fingerprint} {REJECTED} {self.reason}".encode()).hexdigest()[:16]

    @property
    def kind(self) -> str:
        """The kind of its rows, or "model"; rows that a training rejected are of the kind that it read."""
        if not self.rejected or self.manifest.kind != "model":
            return self.manifest.kind
        kinds = [entry.kind for entries in self.manifest.inputs.values() for entry in entries]
        return next((kind for kind in kinds if kind not in ("", "model")), "model")

    @property
    def num_rows(self) -> int:
        """How many rows there are to read."""
        if not self.rejected:
            return self.manifest.rows_out
        return self.manifest.rejected[self.reason] if self.reason else sum(self.manifest.rejected.values())

    @property
    def content(self) -> str:
        """What may differ when the same work is done again."""
        if not self.rejected:
            return self.manifest.content
        return digest_of_content(self._rejects())

    def parts(self) -> Sequence[PartEntry]:
        """Return the objects that hold the rows, by name within ``folder``, with how many rows are to be read of each.

        How many rows each part rejected, and why, is read from the parts' ledgers.
        """
        if not self.rejected:
            return self.manifest.parts
        if self.manifest.rejects:  # of a model, which has one object of them and no ledgers
            counts = [self.num_rows]
        else:
            counting = [storage.join(self.folder, part.name) for part in self.manifest.parts if part.rejects]
            counts = [self._count_rejects(ledger) for ledger in read_ledgers(counting)]
        return [
            PartEntry(name=name, rows=rows, digest=digest)
            for (name, digest), rows in zip(self._rejects(), counts, strict=True)
            if rows
        ]

    def read(self, entry: PartEntry) -> pa.Table:
        """Read one of ``parts``; InputError if it is not what manifest and ledger say."""
        uri = storage.join(self.folder, entry.name)
        table = read_checked(uri, entry.digest)
        if self.reason:
            table = table.filter(pc.equal(table["reason"], self.reason))
        if table.num_rows != entry.rows:
            raise InputError(f"{uri} holds {table.num_rows} such rows, expected {entry.rows}: a ledger was changed")
        return table

    def _rejects(self) -> list[tuple[str, str]]:
        """Return the objects of rejected rows that count, with their digests; others are left by attempts that died."""
        entries: list[PartEntry | Manifest] = [*self.manifest.parts, self.manifest]
        return [(entry.rejects, entry.rejects_digest) for entry in entries if entry.rejects]

    def _count_rejects(self, ledger: Ledger) -> int:
        return ledger.rejected.get(self.reason, 0) if self.reason else sum(ledger.rejected.values())


def open_source(uri: str) -> RowSource:
    """Open a finished folder, or its rejected rows; InputError for anything else."""
    address = _ADDRESS.fullmatch(uri)
    if address is None:
        return RowSource(uri=uri, folder=uri, manifest=read_manifest(uri))
    source = RowSource(
        uri=uri,
        folder=address["folder"],
        manifest=read_manifest(address["folder"]),
        rejected=True,
        reason=address["reason"] or "",
    )
    if source.reason and source.reason not in source.manifest.rejected:
        raise InputError(
            f"{uri}: no row was rejected as {source.reason!r} there; expected one of "
            f"{', '.join(source.manifest.rejected) or 'none: nothing was rejected'}"
        )
    return source


def folder_of(uri: str) -> str:
    """Return the folder of an input: itself, or the one that rejected its rows."""
    address = _ADDRESS.fullmatch(uri)
    return address["folder"] if address else uri


def is_folder(uri: str) -> bool:
    """Tell whether an address is a folder of a workspace, which may be unfinished, or the rows that one rejected."""
    if "://" in uri and uri.split("://", 1)[0] not in STORES:
        return False
    return is_rejected(uri) or any(storage.exists(storage.join(uri, name)) for name in (MANIFEST, PLAN))


def is_rejected(uri: str) -> bool:
    """Tell whether an address is one of rejected rows."""
    return _ADDRESS.fullmatch(uri) is not None
