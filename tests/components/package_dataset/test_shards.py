from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.package_dataset.shards import Shards

SCHEMA = pa.schema([pa.field("number", pa.int64(), nullable=False)])


def numbers(start: int, stop: int) -> pa.Table:
    return pa.table({"number": list(range(start, stop))}, schema=SCHEMA)


def write(folder: Path, tables: list[pa.Table]) -> Shards:
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)

    def publish(name: str, path: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(path, folder / name)

    shards = Shards(
        form="data",
        split="train",
        schema=SCHEMA,
        scratch=scratch,
        publish=publish,
        shard_bytes=8_000,
        row_group_bytes=8_000,
    )
    for table in tables:
        shards.add(table)
    shards.close()
    assert not list(scratch.iterdir())
    return shards


def test_files_are_about_as_large_as_asked_for_and_hold_each_row_once(tmp_path: Path) -> None:
    shards = write(tmp_path, [numbers(start, start + 700) for start in range(0, 14_000, 700)])
    paths = sorted((tmp_path / "data").iterdir())
    assert [path.name for path in paths] == [f"train-{number:05d}.parquet" for number in range(len(paths))]
    assert len(paths) > 2
    assert all(8_000 <= path.stat().st_size < 20_000 for path in paths[:-1])
    found = [value for path in paths for value in pq.read_table(path)["number"].to_pylist()]
    assert found == list(range(14_000))
    assert (shards.num_rows, shards.num_bytes, shards.num_files) == (14_000, 14_000 * 8, len(paths))
    assert shards.file_bytes == sum(path.stat().st_size for path in paths)


def test_small_tables_are_gathered_to_row_groups(tmp_path: Path) -> None:
    write(tmp_path, [numbers(start, start + 10) for start in range(0, 3000, 10)])
    metadata = pq.read_metadata(tmp_path / "data/train-00000.parquet")
    assert [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)] == [1000, 1000, 1000]


def test_the_same_tables_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, [numbers(0, 5000)])
    assert (tmp_path / "one/data/train-00000.parquet").read_bytes() == (
        tmp_path / "two/data/train-00000.parquet"
    ).read_bytes()


def test_no_rows_make_no_file(tmp_path: Path) -> None:
    assert write(tmp_path, [numbers(0, 0)]).num_files == 0
    assert not (tmp_path / "data").exists()
