"""What the checks of `scalequest doctor` find."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that a run needs."""

    passed: bool | None  # None: it could not be looked at
    what: str
    remedy: str = ""  # where it did not pass

    @property
    def text(self) -> str:
        """The line that is printed."""
        return f"{self.what}; {self.remedy}" if self.remedy and not self.passed else self.what
