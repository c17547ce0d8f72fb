"""What stands in ``data/`` and ``rl/``, and what a card says of it so that ``datasets.load_dataset`` finds it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pyarrow as pa

from components.package_dataset.forms import (
    DATA_SCHEMA,
    RL_SCHEMA,
    Problems,
    Split,
    data_table,
    split_of,
)
from components.package_dataset.shards import Publish, Shards
from components.shared.records import Example

CONFIGS = {"data": "default", "rl": "rl"}  # what load_dataset calls what stands in a folder


class Exports:
    """Takes the rows once, in order, and writes each form and split of them."""

    def __init__(self, *, validation_share: float, scratch: Path, publish: Publish) -> None:
        self.problems = Problems()
        self._validation_share = validation_share
        self._shards = {
            (form, split): Shards(form=form, split=split, schema=schema, scratch=scratch, publish=publish)
            for form, schema in (("data", DATA_SCHEMA), ("rl", RL_SCHEMA))
            for split in get_args(Split)
        }

    def add(self, rows: Sequence[Example]) -> None:
        """Add the rows of one part."""
        by_split: dict[Split, list[Example]] = {"train": [], "validation": []}
        for row in rows:
            by_split[split_of(row.question, self._validation_share)].append(row)
        for split, its_rows in by_split.items():
            self._shards["data", split].add(data_table(its_rows))
            self._shards["rl", split].add(self.problems.table_of(its_rows))

    def close(self) -> None:
        """Write what is left."""
        for shards in self._shards.values():
            shards.close()

    def num_rows(self, form: str, split: Split) -> int:
        """Return how many rows a form has of a split."""
        return self._shards[form, split].num_rows

    def front_matter(self) -> dict[str, Any]:
        """Return ``configs`` and ``dataset_info`` of a card, nothing where there are no rows."""
        written = {form: [each for each in self._of(form) if each.num_files] for form in CONFIGS}
        forms = {form: shards for form, shards in written.items() if shards}
        if not forms:
            return {}
        return {
            "configs": [_config(form, shards) for form, shards in forms.items()],
            "dataset_info": [_info(form, shards) for form, shards in forms.items()],
        }

    def _of(self, form: str) -> list[Shards]:
        return [self._shards[form, split] for split in get_args(Split)]


def _config(form: str, shards: Sequence[Shards]) -> dict[str, Any]:
    # Five characters, not any: files that others put beside ours have other names (train-00000-of-00001.parquet).
    files = [{"split": each.split, "path": f"{form}/{each.split}-?????.parquet"} for each in shards]
    return {"config_name": CONFIGS[form], "data_files": files}


def _info(form: str, shards: Sequence[Shards]) -> dict[str, Any]:
    return {
        "config_name": CONFIGS[form],
        "features": [{"name": column.name, **_feature(column.type)} for column in shards[0].schema],
        "splits": [{"name": each.split, "num_bytes": each.num_bytes, "num_examples": each.num_rows} for each in shards],
        "download_size": sum(each.file_bytes for each in shards),
        "dataset_size": sum(each.num_bytes for each in shards),
    }


def _feature(kind: pa.DataType) -> dict[str, Any]:
    """Return a column's type as datasets' cards write it."""
    if pa.types.is_list(kind):
        element = _feature(kind.value_type)
        return {"list": element.get("struct") or element["dtype"]}
    if pa.types.is_struct(kind):
        return {"struct": [{"name": member.name, **_feature(member.type)} for member in kind]}
    return {"dtype": {"double": "float64"}.get(str(kind), str(kind))}
