"""The options of package_dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import StepConfig, option
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.errors import InputError
from components.shared.publishing.licenses import check_identifier


@dataclass(frozen=True, kw_only=True)
class PackageDatasetConfig(StepConfig):
    """Publish the selected responses in forms for training, with a dataset card, the lineage and a report page."""

    VERSION: ClassVar = 11  # 10 took y=2x for y=2x+2 and 3个以上 for 3, and A=P(1+R) for another value than A=P+PR

    ARTIFACTS: ClassVar = artifacts(
        dataset=Artifact(kind="Dataset", title="Dataset", description="the finished dataset: rows, card, lineage"),
        summary=Artifact(kind="Metrics", title="Summary", description="the run in figures, to compare runs by"),
        overview=Artifact(kind="Markdown", title="Overview", description="where it is, how to load it, some rows"),
        report=Artifact(kind="HTML", title="Report", description="the page with the funnel and all distributions"),
    )

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
    price_per_gpu_hour: float = option(
        0.0,
        help="what a GPU-hour costs, for the cost among Kubeflow's figures; 0: not known",
        affects_output=False,
        minimum=0.0,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if mistake := check_identifier(self.license):
            raise InputError(f"--license {mistake}")
