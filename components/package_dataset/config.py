"""The options of package_dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from components.shared.config import Artifact, StepConfig, option


@dataclass(frozen=True, kw_only=True)
class PackageDatasetConfig(StepConfig):
    """Publish the selected responses in forms for training, with a dataset card, the lineage and a report page."""

    VERSION: ClassVar = 4  # 3 did not say how each answer is known

    ARTIFACTS: ClassVar[Mapping[str, Artifact]] = MappingProxyType({"dataset": "Dataset", "report": "HTML"})

    responses: str = option(help="folder of Response rows, or a JSON list of them", is_folder=True)
    title: str = option("ScaleQuest dataset", help="title of the dataset card")
    license: str = option("unknown", help="the dataset's licence, in the hubs' notation (apache-2.0, cc-by-4.0, …)")
    keep_thoughts: bool = option(False, help="also publish what a reasoning solver thought before each response")
    validation_share: float = option(
        0.0,
        help="share of the questions in a validation split; all rows of a question are in the same split, in every "
        "dataset; 0: no validation split",
        minimum=0.0,
        maximum=0.5,
    )
