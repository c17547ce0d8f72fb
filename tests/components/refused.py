"""Bad input of a step: one message, and nothing is written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.shared.errors import InputError
from components.shared.workspace import Workspace


@contextlib.contextmanager
def refused(message: str, workspace: Workspace) -> Iterator[None]:
    """Expect an InputError that matches ``message``, and the workspace as it was before."""
    before = _standing(Path(workspace.uri))
    with pytest.raises(InputError, match=message):
        yield
    assert _standing(Path(workspace.uri)) == before


def _standing(folder: Path) -> list[Path]:
    return sorted(path for path in (folder, *folder.rglob("*")) if path.exists())
