"""How many pods share a step, as a person writes it: ``8``, or ``2..16`` where a queue may give fewer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.shared.errors import InputError

MAX_PODS = 256  # of one step: more load the store and the Kubernetes API with looks at who does what
_NUMBERS = re.compile(r"(\d{1,4})(?:\.\.(\d{1,4}))?")


@dataclass(frozen=True, kw_only=True)
class PodNumbers:
    """The smallest number of pods that is worth a start, and the largest; the same where one number was given."""

    least: int
    most: int

    @property
    def is_range(self) -> bool:
        """Whether there may be fewer than the most."""
        return self.least < self.most


def read_pod_numbers(text: str) -> PodNumbers:
    """Read a number of pods or a range of them; InputError for anything else."""
    if match := _NUMBERS.fullmatch(text):
        least, most = int(match[1]), int(match[2] or match[1])
        if 1 <= least <= most <= MAX_PODS:
            return PodNumbers(least=least, most=most)
    raise InputError(
        f"pods {text!r} is not accepted; expected a number from 1 to {MAX_PODS}, or a range of them such as 2..16"
    )
