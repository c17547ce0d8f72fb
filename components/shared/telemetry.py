"""Nothing speaks to the outside unasked: what libraries report about their use is off, here and in processes from here.

The package turns it off as it is loaded, so before any library, in each step's process, those that a step starts, and
the command `scalequest`. What somebody has set stays as it is.
"""

from __future__ import annotations

import os

OFF = {
    "DO_NOT_TRACK": "1",  # for whoever follows it: vLLM, huggingface_hub
    "HF_HUB_DISABLE_TELEMETRY": "1",  # huggingface_hub, through which TRL reports each training, and transformers
    "VLLM_NO_USAGE_STATS": "1",
}


def turn_off() -> None:
    """Set the variables by which libraries are told to report nothing."""
    for name, value in OFF.items():
        os.environ.setdefault(name, value)
