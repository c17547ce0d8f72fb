"""Which names of Secrets a run may be given: with another one, Kubernetes refuses each of the run's pods."""

from __future__ import annotations

import re

from components.shared.errors import InputError
from components.shared.redaction import hide

LONG = 16  # characters: a longer text with signs that no name has may be the secret itself
STORE_SECRET = "scalequest-store"  # noqa: S105 - the name of a Secret, where a run names no other
# Kubeflow names a task's volume after the Secret in it, and the name of a volume has no dots.
_LABEL = (
    re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"),
    "1 to 63 of a-z, 0-9 and -, a letter or digit first and last",
)
_NAME = (
    re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"),
    "1 to 253 of a-z, 0-9, - and ., a letter or digit first, last and beside each dot",
)
ACCEPTED = {"store_secret": _LABEL, "hub_secret": _NAME, "rewriter_secret": _NAME}  # of these parameters
# Which key of a Secret is which variable of a run's pods, by the parameter that names the Secret.
SECRET_VARIABLES = {"hub_secret": {"token": "HF_TOKEN"}, "rewriter_secret": {"key": "OPENAI_API_KEY"}}


def check_secret_name(parameter: str, name: str) -> None:
    """Raise InputError where no pod could have a Secret of this name."""
    pattern, accepted = ACCEPTED[parameter]
    if not pattern.fullmatch(name):
        if len(name) > LONG and re.search(r"[A-Z_]", name):  # as the secret itself has, given for its name
            hide(name)
        raise InputError(
            f"{parameter} {name!r} is not a valid name of a Secret; expected {accepted}; it need not exist: "
            "leave the setting out where there is none"
        )
