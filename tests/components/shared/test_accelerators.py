from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.shared.accelerators import VISIBLE, accelerators, num_accelerators


@pytest.fixture
def four_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with four NVIDIA devices."""

    def devices(folder: Path, pattern: str) -> Iterator[Path]:
        return (folder / f"nvidia{number}" for number in range(4))

    monkeypatch.setattr(Path, "glob", devices)


@pytest.mark.usefixtures("four_devices")
@pytest.mark.parametrize(
    ("limit", "names"),
    [
        ("", []),
        ("-1", []),
        ("2,3", ["2", "3"]),
        (" 1, GPU-7a", ["1", "GPU-7a"]),
        ("0,-1,2", ["0"]),
        ("0,1,2,3,4,5", ["0", "1", "2", "3"]),
    ],
)
def test_a_process_uses_the_devices_that_it_is_limited_to(
    limit: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VISIBLE, limit)
    assert accelerators() == names
    assert num_accelerators() == len(names)


@pytest.mark.usefixtures("four_devices")
def test_without_a_limit_it_uses_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VISIBLE, raising=False)
    assert accelerators() == ["0", "1", "2", "3"]
