from __future__ import annotations

import pytest

from tests.pipelines.answered import answer_run, run_to_its_end


@pytest.fixture(scope="session")
def answered(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A workspace in which a run of four questions was done to its end."""
    workspace = str(tmp_path_factory.mktemp("answered") / "runs")
    run_to_its_end(answer_run(workspace))
    return workspace
