from __future__ import annotations

import pytest

from tests.helm.matrix import MATRIX
from tests.manifests.tools import Objects, Tools, tools

__all__ = ["tools"]


@pytest.fixture(scope="session")
def rendered(tools: Tools) -> dict[str, Objects]:
    renderings = {name: tools.render(**settings) for name, settings in MATRIX.items()}
    assert {name: rendering.error for name, rendering in renderings.items() if not rendering.objects} == {}
    return {name: rendering.objects for name, rendering in renderings.items()}
