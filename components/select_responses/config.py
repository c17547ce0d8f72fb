"""The options of select_responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import SharedConfig, option

WAYS = ("reward", "agreement", "both")


@dataclass(frozen=True, kw_only=True)
class SelectResponsesConfig(SharedConfig):
    """Keep the best response to each question, and count the responses that agree with it."""

    VERSION: ClassVar = 3  # 2 knew fewer spellings of answers

    responses: str = option(
        help="folder of Response rows, with rewards unless by agreement, or a JSON list of them", is_folder=True
    )
    by: str = option(
        "reward",
        help="what makes a response the best: its reward; the number of responses that agree with its final answer; "
        "or both, that number and then its reward",
        choices=WAYS,
    )
