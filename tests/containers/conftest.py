"""The container engine that the tests of this folder need."""

import pytest

from images.engine import find_engine
from tests.containers.container_runs import missing


@pytest.fixture(scope="session")
def engine() -> str:
    """The command of an engine that has the images; skipped, with the reason, where there is none."""
    if reason := missing():
        pytest.skip(reason)
    return find_engine()
