from typing import Any

import pytest

from components.shared.errors import ExitCode
from pipelines.cluster.endings import ending_of
from tests.pipelines.cluster.recorded_runs import recorded


def pod(reason: str = "", message: str = "", /, **container: Any) -> dict[str, Any]:
    """A pod that failed: by itself, or by its main container."""
    main = {"name": "main", "state": {"terminated": {"exitCode": 1, "reason": "Error"} | container}}
    limits = {"resources": {"limits": {"memory": "3Gi"}}}
    status = {"reason": reason, "message": message, "containerStatuses": [main] if container else []}
    return {"spec": {"containers": [{"name": "main"} | limits]}, "status": status}


def disrupted(reason: str, message: str) -> dict[str, Any]:
    """A pod that the cluster took away."""
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": message}
    return {"status": {"conditions": [condition]}}


@pytest.mark.parametrize(
    ("message", "of_pod", "why", "expected"),
    [
        ("main: Error (exit code 1): bad input: no such file", {}, "bad input: no such file", ExitCode.BAD_INPUT),
        ("", pod(message="bad input: no such file", exitCode=1), "bad input: no such file", ExitCode.BAD_INPUT),
        ("main: Error (exit code 1): budget spent: 8 of 8", {}, "budget spent: 8 of 8", ExitCode.BUDGET_SPENT),
        ("", pod(message="gate closed: kept is 0.1", exitCode=1), "gate closed: kept is 0.1", ExitCode.GATE_CLOSED),
        ("main: Error (exit code 1): bug of ours: KeyError: 'x'", {}, "bug of ours: KeyError: 'x'", ExitCode.BUG),
        ("main: Error (exit code 1): the store is away", {}, "the store is away", ExitCode.UNAVAILABLE),
        ("main: Error (exit code 1)", {}, "killed: it left no termination message", ExitCode.UNAVAILABLE),
        (
            "main: Error (exit code 1): finished: s3://b/x",
            {},
            "its work was done, then Kubeflow's launcher failed",
            ExitCode.UNAVAILABLE,
        ),
        ("main: Error (exit code 143)", {}, "lost with its pod, exit code 143", ExitCode.UNAVAILABLE),
        (
            "main: OOMKilled (exit code 137)",
            pod(exitCode=137, reason="OOMKilled"),
            "out of memory: killed at its limit of 3Gi",
            ExitCode.UNAVAILABLE,
        ),
        ("main: Error (exit code 137)", {}, "killed, exit code 137: most often out of memory", ExitCode.UNAVAILABLE),
        ("main: Error (exit code 9)", {}, "exit code 9", ExitCode.UNAVAILABLE),
        ("pod deleted", {}, "lost with its pod, which was deleted", ExitCode.UNAVAILABLE),
        ("Step exceeded its deadline", {}, "its deadline passed", ExitCode.UNAVAILABLE),
        (
            "The node was low on resource: memory.",
            pod("Evicted", "The node was low on resource: memory."),
            "evicted: The node was low on resource: memory.",
            ExitCode.UNAVAILABLE,
        ),
        (
            "main: Error (exit code 143)",
            disrupted("PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod"),
            "evicted: default-scheduler: preempting to accommodate a higher priority pod",
            ExitCode.UNAVAILABLE,
        ),
        (
            "Pod was rejected: no device",
            pod("UnexpectedAdmissionError", "Pod was rejected: no device"),
            "refused by its node (UnexpectedAdmissionError): Pod was rejected: no device",
            ExitCode.UNAVAILABLE,
        ),
        ("admission webhook denied the request", {}, "admission webhook denied the request", ExitCode.UNAVAILABLE),
        ("", {}, "killed: it left no termination message", ExitCode.UNAVAILABLE),
    ],
)
def test_each_way_to_end_has_its_words_and_says_who_fixes_it(
    message: str, of_pod: dict[str, Any], why: str, expected: int
) -> None:
    ending = ending_of(message, of_pod)
    assert (ending.why, ending.exit_code) == (why, expected)


@pytest.mark.parametrize(
    ("name", "why", "expected"),
    [
        (
            "step-failed-bad-input",
            "bad input: --source reasoning-gym: unknown generator 'nosuch'",
            ExitCode.BAD_INPUT,
        ),
        ("step-killed-137", "killed: it left no termination message", ExitCode.UNAVAILABLE),
        ("step-terminated-143", "lost with its pod, exit code 143", ExitCode.UNAVAILABLE),
        ("driver-failed", "killed: it left no termination message", ExitCode.UNAVAILABLE),
    ],
)
def test_a_pod_alone_says_how_its_step_ended(name: str, why: str, expected: int) -> None:
    ending = ending_of("", recorded(f"pods/{name}.pod"))
    assert ending.why.startswith(why)
    assert ending.exit_code == expected
