"""The options of select_responses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import SharedConfig, option


@dataclass(frozen=True, kw_only=True)
class SelectResponsesConfig(SharedConfig):
    """Keep the response with the best reward for each question, and count the responses that agree with it."""

    VERSION: ClassVar = 2  # 1 grouped final answers by the order of the samples

    responses: str = option(help="folder of Response rows with rewards, or a JSON list of them", is_folder=True)
