"""Telemetry of libraries is off, in this process and in those that it starts.

The package turns it off when it is imported, so before any library: in each step's process, in those that a step
starts, and in the command `scalequest`. Variables that are set already stay as they are.
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
