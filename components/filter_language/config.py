"""The options of filter_language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import FilterConfig


@dataclass(frozen=True, kw_only=True)
class FilterLanguageConfig(FilterConfig):
    """Keep questions in English, including all symbols; reject other languages and garbage."""

    VERSION: ClassVar = 5  # 4 read "simplify your answer" as a part of the question
