"""What a Job was made to ask for beside its work, to tell whether the next task wants it otherwise.

A queue writes node labels and tolerations into a Job that it admits, and so may a cluster's policies: therefore what
was asked is noted in an annotation, and that of one Job is compared with that of the other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components.shared.jobs.api_objects import annotations_of
from components.shared.jobs.body import LEAST_ANNOTATION, PRIORITY_LABEL, QUEUE_LABEL
from components.shared.jobs.job_reading import Job
from components.shared.plain_text import inert

ASKED_ANNOTATION = "scalequest.dev/asked"


def note_asked(job: dict[str, Any]) -> None:
    """Note in a new Job what it asks for."""
    pod, labels = job["spec"]["template"]["spec"], job["metadata"]["labels"]
    (container,) = pod["containers"]
    asked = {
        "image": container["image"],
        "requests": container["resources"]["requests"],
        "limits": container["resources"]["limits"],
        "node selector": pod.get("nodeSelector", {}),
        "tolerations": pod.get("tolerations", []),
        "pods": _pods(job),
        "queue": labels.get(QUEUE_LABEL, ""),
        "priority class": labels.get(PRIORITY_LABEL, "") or pod.get("priorityClassName", ""),
    }
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    job["metadata"].setdefault("annotations", {})[ASKED_ANNOTATION] = text


def differences(standing: Job, wanted: Job) -> str:
    """Say in what a standing Job differs from a wanted one; "" for nothing, also where the standing one has no note."""
    old, new = _asked(standing), _asked(wanted)
    return ", ".join(
        f"{name} {_text(old[name])} and not {_text(new[name])}" for name in new if _differs(old, new, name)
    )


def _differs(old: Mapping[str, Any], new: Mapping[str, Any], name: str) -> bool:
    return name in old and old[name] != new[name]


def _pods(job: Job) -> str:
    """Return the number of pods as ``--pods`` takes it; a queue, or `scalequest scale`, may change the Job's own."""
    most, least = job["spec"].get("parallelism", 1), annotations_of(job).get(LEAST_ANNOTATION, "")
    return f"{least}..{most}" if least else str(most)


def _asked(job: Job) -> dict[str, Any]:
    note = annotations_of(job).get(ASKED_ANNOTATION, "{}")
    try:
        asked = json.loads(note)
    except ValueError:  # somebody's edit
        return {}
    return asked if isinstance(asked, dict) else {}


def _text(value: Any) -> str:
    return inert(value if isinstance(value, str) and value else "none" if not value else json.dumps(value))
