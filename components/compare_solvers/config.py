"""The options of compare_solvers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from components.shared.config import Artifact, StepConfig, option


@dataclass(frozen=True, kw_only=True)
class CompareSolversConfig(StepConfig):
    """Put the scores of solvers into one table, beside the paper's, and say whether a gain may be chance."""

    VERSION: ClassVar = 3  # 2 had no lenient accuracy, no pass@k and majority of several samples, and other names
    ARTIFACTS: ClassVar[Mapping[str, Artifact]] = MappingProxyType({"dataset": "Dataset", "report": "HTML"})

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
