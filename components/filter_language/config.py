"""The options of filter_language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import FilterConfig


@dataclass(frozen=True, kw_only=True)
class FilterLanguageConfig(FilterConfig):
    """Keep questions in English, including all symbols; reject other languages and garbage."""

    VERSION: ClassVar = 2  # 1 asked lingua about each question, and took formulas and pictures for garbage
