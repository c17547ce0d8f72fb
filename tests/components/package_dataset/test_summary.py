from __future__ import annotations

import pytest

from components.package_dataset.documents import size_category


@pytest.mark.parametrize(
    ("rows", "name"), [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (1_000_000, "1M<n<10M"), (10**8, "n>10M")]
)
def test_sizes_are_named_as_hubs_name_them(rows: int, name: str) -> None:
    assert size_category(rows) == name
