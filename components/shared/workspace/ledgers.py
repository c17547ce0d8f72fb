"""How the rows of a part add up: the ledger in the part's footer, and the rejected rows beside it."""

from __future__ import annotations

import json
import logging
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pyarrow as pa

from components.shared.errors import InputError
from components.shared.records import Reject, Row, rejects_to_table
from components.shared.stores import storage
from components.shared.workspace.manifests import PartEntry
from components.shared.workspace.tables import read_footer, read_footers, table_digest, to_parquet

REJECTED = "rejected"
LEDGER_KEY = b"scalequest"  # the Parquet footer entry that holds a part's ledger

Figures = Callable[[Mapping[str, float]], Mapping[str, float]]  # of a folder, made from the sums over its parts

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """How the rows of one part add up; kept in the part's own footer, so that neither exists without the other."""

    rows_in: int
    rows_out: int
    rows_added: int = 0  # units beyond those of the slice (a question that has no response left)
    rejected: dict[str, int] = field(default_factory=dict)
    digest: str = ""
    rejects: str = ""
    rejects_digest: str = ""
    metrics: dict[str, float] = field(default_factory=dict)
    arithmetic: list[str] = field(default_factory=list)  # what models computed in, and why; each once
    inputs: dict[str, list[str]] = field(default_factory=dict)  # the content of the plan's inputs, by option
    watched: dict[str, list[float]] = field(default_factory=dict)  # by gates: of a figure, sum and number of its values

    def entry(self, name: str) -> PartEntry:
        """Return the part's line in the manifest."""
        return PartEntry(
            name=name,
            rows=self.rows_out,
            digest=self.digest,
            rejects=self.rejects,
            rejects_digest=self.rejects_digest,
        )


def read_ledger(uri: str) -> Ledger:
    """Return a part's ledger from its footer; the rows are not read. InputError for an object that has none."""
    return ledger_in(read_footer(uri), uri)


def read_ledgers(uris: Sequence[str]) -> list[Ledger]:
    """Return the ledgers of many parts, in their order."""
    return [ledger_in(footer, uri) for uri, footer in zip(uris, read_footers(uris), strict=True)]


def ledger_in(schema: pa.Schema, uri: str) -> Ledger:
    """Return the ledger in a part's footer; InputError, in terms of ``uri``, where it has none."""
    try:
        return Ledger(**json.loads((schema.metadata or {})[LEDGER_KEY]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{uri} has no ledger in its footer: ScaleQuest did not write it, or it was changed"
        ) from error


def no_figures(_: Mapping[str, float]) -> Mapping[str, float]:
    """Return no figures beside the sums."""
    return {}


def sum_ledgers(ledgers: Sequence[Ledger]) -> Ledger:
    """Return the ledger of all parts together."""
    return Ledger(
        rows_in=sum(ledger.rows_in for ledger in ledgers),
        rows_out=sum(ledger.rows_out for ledger in ledgers),
        rows_added=sum(ledger.rows_added for ledger in ledgers),
        rejected=cast(dict[str, int], _sum_by_key([ledger.rejected for ledger in ledgers])),
        metrics=_sum_by_key([ledger.metrics for ledger in ledgers]),
        arithmetic=sorted({kind for ledger in ledgers for kind in ledger.arithmetic}),
    )


def write_rejects(folder: str, number: int, rejects: Sequence[Reject], record: type[Row]) -> tuple[str, str]:
    """Write a part's rejected rows; return the object's name in the folder and the rows' digest ("" for none).

    The digest is in the name: an attempt that died may have left other rows, which must not be taken for these.
    """
    if not rejects:
        return "", ""
    table = rejects_to_table(rejects, record, posixpath.basename(posixpath.dirname(folder)))
    digest = table_digest(table)
    name = f"{REJECTED}/part-{number:05d}-{digest[:8]}.parquet"
    try:
        storage.create(storage.join(folder, name), to_parquet(table))
    except FileExistsError:
        logger.debug("the same rejects already exist: %s", name)
    return name, digest


def _sum_by_key(counts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {
        key: sum(count.get(key, 0) for count in counts) for key in sorted({key for count in counts for key in count})
    }
