from __future__ import annotations

import dataclasses
import json
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.workspace import tables
from components.shared.workspace.ledgers import LEDGER_KEY, Ledger, read_ledger, read_ledgers, sum_ledgers
from components.shared.workspace.tables import to_parquet
from tests.stores import Store

COUNTS = st.dictionaries(st.sampled_from(["empty", "cut_off", "not_best"]), st.integers(1, 9))


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    """Return the ledger of a part whose rows add up."""
    rows_out, rejected = draw(st.integers(0, 99)), draw(COUNTS)
    return Ledger(
        rows_in=rows_out + sum(rejected.values()),
        rows_out=rows_out,
        rows_added=draw(st.integers(0, 3)),
        rejected=rejected,
        metrics={name: float(value) for name, value in draw(COUNTS).items()},
        arithmetic=draw(st.sampled_from([[], ["bf16 (it has it)"], ["fp32 (it lacks bf16)"]])),
    )


@given(parts=st.lists(ledgers(), max_size=8), cut=st.integers(0, 8), order=st.randoms())
def test_ledgers_add_up_in_any_order_and_in_any_groups(parts: list[Ledger], cut: int, order: Random) -> None:
    total = sum_ledgers(parts)
    assert total.rows_in == total.rows_out + sum(total.rejected.values())
    assert sum_ledgers([sum_ledgers(parts[:cut]), sum_ledgers(parts[cut:])]) == total
    shuffled = order.sample(parts, len(parts))
    assert sum_ledgers(shuffled) == total


def test_ledgers_of_many_parts_come_in_their_order_however_long_they_are(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "FOOTERS_AT_ONCE", 3)
    written = [Ledger(rows_in=n, rows_out=n, rejects="x" * (40_000 if n == 4 else n)) for n in range(8)]
    uris = [storage.join(store.uri, f"part-{number:05d}.parquet") for number in range(8)]
    for uri, ledger in zip(uris, written, strict=True):
        _write(uri, ledger)
    assert read_ledgers(uris) == written
    assert [read_ledger(uri) for uri in uris] == written
    assert read_ledgers([]) == []


def test_a_part_that_is_damaged_or_not_ours_is_named_among_many(store: Store) -> None:
    uris = [storage.join(store.uri, name) for name in ("whole", "damaged", "foreign")]
    _write(uris[0], Ledger(rows_in=1, rows_out=1))
    storage.create(uris[1], b"PAR1 no more")
    storage.create(uris[2], to_parquet(pa.table({"x": [1]})))
    with pytest.raises(InputError, match="damaged is not a readable Parquet object"):
        read_ledgers(uris)
    with pytest.raises(InputError, match="foreign has no ledger in its footer"):
        read_ledgers(uris[::2])


def _write(uri: str, ledger: Ledger) -> None:
    table = pa.table({"x": [1]}).replace_schema_metadata({LEDGER_KEY: json.dumps(dataclasses.asdict(ledger))})
    storage.create(uri, to_parquet(table))
