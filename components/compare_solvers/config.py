"""The options of compare_solvers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import StepConfig, option
from components.shared.config.artifacts import Artifact, artifacts


@dataclass(frozen=True, kw_only=True)
class CompareSolversConfig(StepConfig):
    """Put the scores of solvers into one table, beside the paper's, and say whether a gain may be chance."""

    VERSION: ClassVar = 3  # 2 had no lenient accuracy, no pass@k and majority of several samples, and other names
    ARTIFACTS: ClassVar = artifacts(
        scores=Artifact(kind="Dataset", title="Scores", description="how each solver did on each benchmark"),
        report=Artifact(kind="HTML", title="Solvers compared", description="the page with all scores"),
    )

    evaluations: str = option(
        help="folder of Evaluation rows, or a JSON list of them, of any models and benchmarks", is_folder=True
    )
    before: str = option(
        "",
        help="evaluations of the same models before training, for the paired difference; none by default",
        is_folder=True,
    )
    contamination: str = option(
        "",
        help="folder that find_contamination made for the benchmarks, or a JSON list of them; none by default",
        is_folder=True,
    )
    title: str = option("Solvers", help="title of the page")
