"""Whether a reply refuses to do what it was asked for."""

from __future__ import annotations

import re

_REFUSAL = re.compile(
    r"\W*(?:(?:i['’]?m|i am|we are)\s+(?:very\s+|so\s+)?(?:sorry|unable|not able|afraid)\b|i apologi[sz]e"
    r"|as an? (?:ai|(?:large )?language model|assistant)\b"
    r"|(?:unfortunately|sorry)\W+(?:but\s+)?(?:i|we)\b"
    r"|(?:i|we)\s+(?:can(?:not|['’]t| not)|could(?: not|n['’]t)|will not|won['’]t)\s+"
    r"(?:help|assist|answer|solve|comply|provide|fulfil\w*|continue|do)\b)",
    re.IGNORECASE,
)


def is_refusal(reply: str) -> bool:
    """Tell whether a reply begins as a refusal does: what stands behind a solution is none."""
    return _REFUSAL.match(reply) is not None
