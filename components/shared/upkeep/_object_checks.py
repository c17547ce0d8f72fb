"""Whether one object of a folder is what plan and manifest say: a part with its rejected rows, or a file."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from components.shared.errors import InputError
from components.shared.records import REJECT_COLUMNS, columns_of
from components.shared.stores import storage
from components.shared.stores.refusals import explained
from components.shared.workspace.ledgers import Ledger, ledger_in
from components.shared.workspace.manifests import PartEntry
from components.shared.workspace.plans import Plan, part_name
from components.shared.workspace.tables import missing_object, read_table, table_digest

RANGE_BYTES = 2**24  # of a file that are in memory at once
AGAIN = "delete the folder and everything that was made from it, and run their steps again"


@dataclass(kw_only=True)
class PartCheck:
    """What was found of one part."""

    findings: list[str] = field(default_factory=list)
    ledger: Ledger | None = None  # None if it cannot be read
    rows: int = 0
    read: list[str] = field(default_factory=list)  # the objects that were read, by name in the folder


def check_part(folder: str, number: int, *, plan: Plan | None, entry: PartEntry | None, stands: bool) -> PartCheck:
    """Read a part and its rejected rows; ``entry`` is its line in the manifest, None if there is no manifest yet.

    A part that does not stand is wrong only where the manifest names it.
    """
    check = PartCheck()
    uri = storage.join(folder, part_name(number))
    if not stands:
        check.findings += [missing_object(uri)] if entry else []
        return check
    check.read.append(part_name(number))
    table = _read(uri, check.findings)
    if table is None:
        return check
    check.rows = table.num_rows
    digest = table_digest(table)
    check.findings += _wrong_columns(uri, table.schema, plan.columns if plan else ())
    try:
        check.ledger = ledger = ledger_in(table.schema, uri)
    except InputError as error:
        check.findings.append(str(error))
        return check
    if digest != (entry or ledger).digest:
        check.findings.append(_other_rows(uri, (entry or ledger).digest, digest))
    elif entry is not None and ledger.entry(part_name(number)) != entry:
        check.findings.append(f"{uri} has a ledger that differs from the manifest; {AGAIN}")
    check.findings += [f"{uri} {line}; {AGAIN}" for line in _wrong_ledger(ledger, table.num_rows, number, plan)]
    if ledger.rejects:
        check.read.append(ledger.rejects)
        columns = plan.columns if plan else ()
        check.findings += check_rejects(
            folder, ledger.rejects, digest=ledger.rejects_digest, counts=ledger.rejected, columns=columns
        )
    return check


def check_rejects(
    folder: str, name: str, *, digest: str, counts: Mapping[str, int], columns: Sequence[str] = ()
) -> list[str]:
    """Read an object of rejected rows; ``counts`` are those of the ledger, ``columns`` those of the row itself."""
    uri = storage.join(folder, name)
    findings: list[str] = []
    table = _read(uri, findings)
    if table is None:
        return findings
    found = table_digest(table)
    if found != digest:
        findings.append(_other_rows(uri, digest, found))
    if columns:
        findings += _wrong_columns(uri, table.schema, [*columns, *(f"{column}: string" for column in REJECT_COLUMNS)])
    reasons = dict(sorted(Counter(table["reason"].to_pylist()).items())) if "reason" in table.column_names else {}
    if reasons != dict(counts):
        findings.append(f"{uri} has rejected rows {reasons}, but the ledger counts {dict(counts)}; {AGAIN}")
    return findings


def check_file(uri: str, digest: str, size: int | None) -> list[str]:
    """Read a file piece by piece; ``size`` in bytes is what the store says, None if it is not there."""
    if size is None:
        return [missing_object(uri)]
    try:
        found = _sha256(uri, size)
    except FileNotFoundError:
        return [missing_object(uri)]
    if found == digest:
        return []
    return [f"{uri} differs from the file in the manifest: SHA-256 {found[:12]}…, expected {digest[:12]}…; {AGAIN}"]


def _read(uri: str, findings: list[str]) -> pa.Table | None:
    try:
        return read_table(uri)
    except FileNotFoundError:
        findings.append(missing_object(uri))
    except InputError as error:
        findings.append(str(error))
    return None


def _wrong_columns(uri: str, schema: pa.Schema, columns: Sequence[str]) -> list[str]:
    found = columns_of(schema)
    if not columns or found == list(columns):
        return []
    others = sorted({*found} ^ {*columns}) or ["their order"]
    return [f"{uri} has columns that differ from its plan: {', '.join(others)}; {AGAIN}"]


def _wrong_ledger(ledger: Ledger, num_rows: int, number: int, plan: Plan | None) -> Iterator[str]:
    num_rejected = sum(ledger.rejected.values())
    if ledger.rows_out != num_rows:
        yield f"holds {num_rows} rows, its ledger says {ledger.rows_out}"
    if ledger.rows_in != ledger.rows_out + num_rejected:
        yield f"has a ledger that does not add up: {ledger.rows_in} in, {ledger.rows_out} out, {num_rejected} rejected"
    if plan is not None:
        planned = len(plan.slices[number]) * plan.units_per_row + ledger.rows_added
        if ledger.rows_in != planned:
            yield f"belongs to another plan: its ledger accounts for {ledger.rows_in} rows, this plan for {planned}"


def _other_rows(uri: str, expected: str, found: str) -> str:
    return f"{uri} has rows that differ from those written: SHA-256 {found[:12]}…, expected {expected[:12]}…; {AGAIN}"


def _sha256(uri: str, size: int) -> str:
    if not storage.is_remote(uri):
        return storage.digest_file(storage.local_path(uri))
    digest = hashlib.sha256()
    for start in range(0, size, RANGE_BYTES):
        with explained(uri):
            piece = storage.filesystem(uri).cat_file(storage.client_path(uri), start=start, end=start + RANGE_BYTES)
        digest.update(piece)
    return digest.hexdigest()
