"""The options of sample_difficulty."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from components.shared.config import PartsConfig, flag_of, option
from components.shared.config.artifacts import KEPT_QUESTIONS, artifacts
from components.shared.config.gates import OF_QUESTIONS, OF_ROWS
from components.shared.errors import InputError


@dataclass(frozen=True, kw_only=True)
class SampleDifficultyConfig(PartsConfig):
    """Thin out questions by difficulty: below a minimum, and towards given shares; each generator separately."""

    VERSION: ClassVar = 2  # 1 drew in another way
    WATCHED: ClassVar = (*OF_ROWS, *OF_QUESTIONS)
    ARTIFACTS: ClassVar = artifacts(kept_questions=KEPT_QUESTIONS)

    questions: str = option(help="folder of scored Question rows, or a JSON list of them", is_folder=True)
    sources: str = option(
        "", help="JSON list of the sources to thin out; other sources are kept completely; empty: all sources"
    )
    minimum: float = option(0.0, help="easier questions are rejected as too_easy", minimum=0.0, maximum=1.0)
    target: str = option(
        "", help="JSON list of shares of the kept questions, for bins of equal width from 0 to 1, such as [1, 2, 3, 2]"
    )
    keep_fraction: float = option(
        1.0, help="share of the questions above the minimum that are kept, with --target", minimum=0.0, maximum=1.0
    )
    seed: int = option(0, help="decides which questions of a crowded bin are kept", is_wired=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        source_names(self.sources)
        target_shares(self.target)
        if bool(self.target) != (self.keep_fraction < 1.0):
            raise InputError(
                f"--target {self.target!r} and --keep-fraction {self.keep_fraction} must be given together (a "
                "fraction below 1) or not at all"
            )


def source_names(text: str) -> tuple[str, ...]:
    """Return the sources that ``--sources`` lists; () for all."""
    listed = _json_list("sources", text, 'source names, such as ["deepseek"]')
    names = tuple(name for name in listed if isinstance(name, str))
    if len(names) < len(listed):
        raise InputError(
            f'--sources {text!r} is not accepted; expected a JSON list of source names, such as ["deepseek"]'
        )
    return names


def target_shares(text: str) -> tuple[float, ...]:
    """Return the shares that ``--target`` lists, as they were given; () for none."""
    shares = _json_list("target", text, "shares, such as [1, 2, 3, 2]")
    numbers = [share for share in shares if isinstance(share, int | float) and not isinstance(share, bool)]
    if len(numbers) < len(shares) or any(share < 0 for share in numbers) or (shares and not sum(numbers) > 0):
        raise InputError(
            f"--target {text!r} is not accepted; expected a JSON list of shares, none below 0 and at least one "
            "above it, such as "
            "[1, 2, 3, 2]"
        )
    return tuple(map(float, numbers))


def _json_list(name: str, text: str, accepted: str) -> list[object]:
    if not text:
        return []
    try:
        values = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{flag_of(name)} {text!r} is not accepted; expected a JSON list of {accepted}") from error
    if not isinstance(values, list):
        raise InputError(f"{flag_of(name)} {text!r} is not accepted; expected a JSON list of {accepted}")
    return values
