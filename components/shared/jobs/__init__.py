"""A step's work as a Kubernetes Job of the step's own image, which a pod without a GPU makes, follows and answers for.

This face loads nothing; ``coordinator`` loads the Kubernetes client.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """What a task of a pipeline says of the Job that is to do its work; none of it changes a row."""

    profile: str  # a hardware profile: a name in the ConfigMap scalequest-profiles, or JSON
    image: str  # full name of the image that the Job's pods run
    pods: str  # "8", or "2..16": at most 16, from 2 on
