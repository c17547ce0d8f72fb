"""The options of select_responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import SharedConfig, option
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.config.gates import OF_ROWS
from components.shared.errors import InputError

WAYS = ("reward", "agreement", "both")


@dataclass(frozen=True, kw_only=True)
class SelectResponsesConfig(SharedConfig):
    """Keep the best response to each question, and count the responses that agree with it."""

    VERSION: ClassVar = 9  # 8 took y=2x for y=2x+2 and 3个以上 for 3, and A=P(1+R) for another value than A=P+PR
    WATCHED: ClassVar = (*OF_ROWS, "agreement")
    ARTIFACTS: ClassVar = artifacts(
        best_answers=Artifact(
            kind="Dataset",
            title="Best answers",
            description="the best response to each question; the others stand in the same folder, as not_best",
        ),
    )

    responses: str = option(
        help="folder of Response rows, with rewards unless by agreement, or a JSON list of them", is_folder=True
    )
    by: str = option(
        "reward",
        help="what makes a response the best: its reward; the number of responses that agree with its final answer; "
        "or both, that number and then its reward",
        choices=WAYS,
    )
    min_pass_rate: float = option(
        0.0, help="reject questions of which a smaller share of the responses passes", minimum=0.0, maximum=1.0
    )
    max_pass_rate: float = option(
        1.0, help="reject questions of which a larger share of the responses passes", minimum=0.0, maximum=1.0
    )
    keep_all_wrong: bool = option(
        False, help="keep a response to questions whose known answer no response gives; otherwise they are rejected"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.min_pass_rate > self.max_pass_rate:
            raise InputError(
                f"--min-pass-rate {self.min_pass_rate} is above --max-pass-rate {self.max_pass_rate}: no question "
                "would be left; expected a band such as 0.25 to 0.75"
            )
