"""What a step's log says of a folder that it found finished: how the line begins, and how it is found in a log."""

from __future__ import annotations

import re

LINE = "reused %s: "  # with the folder's address; behind it stands why it was not made

_LINE = re.compile(r"\breused .*?([a-z0-9_]+/[0-9a-f]{16}): ")


def reused_in(log: str) -> set[str]:
    """Return the folders, as step/fingerprint, that a log or a line of it says were found finished."""
    return set(_LINE.findall(log))
