from typing import Any

import pytest

from pipelines.cluster.holds import hold_of, pause_of
from tests.pipelines.cluster.recorded_runs import recorded


def pending(reason: str = "", message: str = "") -> dict[str, Any]:
    """A pod whose main container waits."""
    main = {"name": "main", "image": "me/cpu", "state": {"waiting": {"reason": reason, "message": message}}}
    return {"metadata": {"name": "p"}, "status": {"phase": "Pending", "containerStatuses": [main]}}


NODE = (
    "Unschedulable: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes are available: 3 No"
)


@pytest.mark.parametrize(
    ("message", "pod", "warnings", "why"),
    [
        (NODE, {}, {}, "for a node: 0/3 nodes are available: 3 Insufficient nvidia.com/gpu"),
        (
            "SchedulingGated: Scheduling is blocked",
            {},
            {},
            "for quota in Kueue's queue scalequest-gpu: kubectl describe",
        ),
        ("ContainerCreating", {}, {}, ""),
        ("", {}, {}, ""),
        ("", pending("ContainerCreating"), {}, ""),
        ("", pending("ContainerCreating"), {"p": "MountVolume failed"}, "to start: MountVolume failed"),
        ("", pending("ContainerCreating"), {"another": "MountVolume failed"}, ""),
        (
            "",
            pending("InvalidImageName", 'image "Me/x" is wrong'),
            {},
            "for its image Me/x, which cannot be pulled: image",
        ),
        ("", pending("ErrImagePull", "denied"), {}, "for its image me/cpu, which cannot be pulled: denied"),
        (
            "",
            pending("CreateContainerConfigError", 'secret "store" not found'),
            {},
            'to start: CreateContainerConfigError: secret "store" not found',
        ),
    ],
)
def test_each_way_to_wait_has_its_words(message: str, pod: Any, warnings: dict[str, str], why: str) -> None:
    hold = hold_of(message, pod, warnings)
    assert hold.why.startswith(why)
    assert bool(hold.why) == bool(why) == bool(hold.remedy)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (
            "step-pending-insufficient-cpu",
            "for a node with cpu 3, memory 4Gi: 0/1 nodes are available: 1 Insufficient cpu",
        ),
        (
            "step-image-cannot-be-pulled",
            "for its image registry.invalid/scalequest/cpu:0.1.0, which cannot be pulled: dial",
        ),
    ],
)
def test_a_pod_says_what_it_waits_for(name: str, why: str) -> None:
    assert hold_of("", recorded(f"pods/{name}.pod"), {}).why.startswith(why)


@pytest.mark.parametrize(
    ("message", "pause"),
    [
        ("Backoff for 1 minute 0 seconds", "again in a minute"),
        ("Backoff for 2 minutes 0 seconds", "again in 2 minutes"),
        ("Backoff for 30 seconds", "again in 30 seconds"),
        ("", "again soon"),
    ],
)
def test_the_pause_before_the_next_attempt_is_told(message: str, pause: str) -> None:
    assert pause_of(message) == pause
