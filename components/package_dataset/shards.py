"""Tables as Parquet files of about 500 MB, written row group by row group: memory holds one row group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.package_dataset.forms import Split

SHARD_BYTES = 500_000_000  # of a file; the last row group may go beyond it
ROW_GROUP_BYTES = 32 << 20  # in memory

Publish = Callable[[str, Path], None]  # the name below the folder, and the local file


@dataclass
class Shards:
    """The files of one form and split: ``data/train-00000.parquet`` …; each is published and removed once it is full.

    The same tables in the same order give the same files.
    """

    form: str  # the folder that they stand in
    split: Split
    schema: pa.Schema
    scratch: Path
    publish: Publish
    shard_bytes: int = SHARD_BYTES
    row_group_bytes: int = ROW_GROUP_BYTES
    num_rows: int = 0
    num_bytes: int = 0  # of the rows in memory
    file_bytes: int = 0
    num_files: int = 0
    _waiting: list[pa.Table] = field(default_factory=list)
    _waiting_bytes: int = 0
    _writer: pq.ParquetWriter | None = None

    @property
    def name(self) -> str:
        """The name of the file that is being written, or that would be next."""
        return f"{self.form}/{self.split}-{self.num_files:05d}.parquet"

    def add(self, table: pa.Table) -> None:
        """Add rows behind those that were added before."""
        if not table.num_rows:
            return
        self._waiting.append(table)
        self._waiting_bytes += table.nbytes
        self.num_rows += table.num_rows
        self.num_bytes += table.nbytes
        if self._waiting_bytes >= self.row_group_bytes:
            self._write_row_group()
            if self._path.stat().st_size >= self.shard_bytes:
                self._finish_file()

    def close(self) -> None:
        """Write what is left; no rows make no file, which datasets could not load."""
        if self._waiting:
            self._write_row_group()
        if self._writer is not None:
            self._finish_file()

    @property
    def _path(self) -> Path:
        return self.scratch / self.name.replace("/", "-")

    def _write_row_group(self) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, self.schema, compression="zstd")
        table = pa.concat_tables(self._waiting)
        self._writer.write_table(table, row_group_size=table.num_rows)
        self._waiting, self._waiting_bytes = [], 0

    def _finish_file(self) -> None:
        assert self._writer is not None, self.name
        self._writer.close()
        self._writer = None
        self.file_bytes += self._path.stat().st_size
        self.publish(self.name, self._path)
        self._path.unlink()
        self.num_files += 1
