"""The options of decontaminate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import FilterConfig, option


@dataclass(frozen=True, kw_only=True)
class DecontaminateConfig(FilterConfig):
    """Reject questions that give away a question of a benchmark: copies, and near duplicates of them."""

    VERSION: ClassVar = 4  # 3 missed conditions behind the question and ways to say a largest value

    benchmarks: str = option(
        help="folder of the benchmarks' Question rows, which import_questions made, or a JSON list of them",
        is_folder=True,
    )
    near_duplicates: bool = option(
        True, help="also reject questions that ask a benchmark's question in other words; otherwise copies only"
    )
