"""The pods of a TrainJob: their logs, how they ended; and whether the pod that starts it is only moved."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import urllib3
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.shared import speaking
from components.shared.errors import FINAL, ExitCode, InputError, UnavailableError, held_with
from components.shared.jobs.api_objects import holding
from components.shared.jobs.job_reading import INDEX_LABEL
from components.shared.jobs.own_pod import read_pod
from components.shared.jobs.pod_endings import DISRUPTED
from components.shared.kubernetes_api import BRIEF_TIMEOUT, TIMEOUT, answer_of
from components.shared.training.train_jobs import CONTAINER, JOBSET_LABEL, ask_trainer

# Of a pod that is to make room: Kubernetes sets the first condition (drain, preemption, eviction), Kueue the second.
MOVED = {DISRUPTED, "TerminationTarget"}
LAST_LINES = 20
POLL_SECONDS = 5.0
DRAIN_SECONDS = 10.0  # for the last lines of a log, once the TrainJob has ended
SILENCE_SECONDS = 600.0  # after which a log is asked for again: its connection may be dead

logger = logging.getLogger(__name__)


def is_disrupted(namespace: str, name: str) -> bool:
    """Tell whether a pod ends because it was evicted: another one will replace it."""
    return not MOVED.isdisjoint(holding(read_pod(namespace, name, BRIEF_TIMEOUT)))


def failure_of(namespace: str, job: str, step: str, num_nodes: int, state: str) -> Exception:
    """Return the error of a failed TrainJob, from how its nodes' pods ended: as the step itself would raise it.

    One node that reports bad input is enough. If a node was killed, evicted or unreachable, the others fail because it
    is missing, so their own failures count only if all nodes failed by themselves. ``state`` is Trainer's own word.
    """
    pods = ask_trainer(f"listing the pods of TrainJob {job}", lambda: _pods_of(namespace, job))
    codes = {pod.metadata.name: _exit_code(pod) for pod in pods}
    logger.info("the nodes of TrainJob %s ended with %s", job, codes)
    for name, code in codes.items():
        if code in FINAL:
            said = _message(_last_lines(namespace, name), step)
            return held_with(code, said) or InputError(said)
    lost = [name for name, code in codes.items() if code not in (ExitCode.DONE, ExitCode.BUG)]
    if lost or len(codes) < num_nodes:
        told = f"{len(codes)} of {num_nodes} pods are left"
        if lost:
            told = f"{lost[0]} ended with {codes[lost[0]]}: {_told(namespace, lost[0])}"
        return UnavailableError(
            f"TrainJob {job} {state}: it lost a node ({told}); the same command continues from the last checkpoint"
        )
    failed = [name for name, code in codes.items() if code == ExitCode.BUG]
    told = "\n".join(f"{name}: {_told(namespace, name)}" for name in failed)
    return RuntimeError(f"the nodes of TrainJob {job} failed\n{told}")


class FirstNodeLog:
    """Writes the log of a TrainJob's first node to this process's standard error, as far as it can be read.

    Best effort, in a thread of its own: a log that is cut off continues after its last line, the log of a replacement
    pod starts from its beginning, and no error of it fails the training.
    """

    def __init__(self, namespace: str, job: str, *, lines_before: int | None) -> None:
        self._namespace = namespace
        self._job = job
        self._lines_before = lines_before  # of the first pod; None: all
        self._pod = ""
        self._last = ""  # time stamp of the last line
        self._last_at = 0.0
        self._ended = threading.Event()

    @contextlib.contextmanager
    def followed(self) -> Iterator[None]:
        """Follow the log while the block runs, and a little longer for its last lines."""
        thread = threading.Thread(target=self._follow, name="node log", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
        thread.join(DRAIN_SECONDS)

    def _follow(self) -> None:
        last_look = False
        while not last_look:
            last_look = self._ended.is_set()
            try:
                self._copy_new_lines()
            except (ApiException, urllib3.exceptions.HTTPError) as error:
                logger.info("the log of TrainJob %s: %s", self._job, answer_of(error))
            self._ended.wait(POLL_SECONDS)

    def _copy_new_lines(self) -> None:
        pods = [pod for pod in _pods_of(self._namespace, self._job, index=0) if pod.status.phase != "Pending"]
        if not pods:
            return
        name = max(pods, key=lambda pod: pod.metadata.creation_timestamp).metadata.name
        options: dict[str, Any] = {}
        if name == self._pod:
            options["since_seconds"] = int(time.monotonic() - self._last_at) + 2
        elif not self._pod and self._lines_before is not None:
            options["tail_lines"] = self._lines_before
        if name != self._pod:
            logger.info("following the log of %s", name)
            self._pod, self._last, self._last_at = name, "", time.monotonic()
        log = client.CoreV1Api().read_namespaced_pod_log(
            name, self._namespace, container=CONTAINER, follow=True, timestamps=True, **options,
            _preload_content=False, _request_timeout=(TIMEOUT[0], SILENCE_SECONDS),
        )  # fmt: skip
        try:
            for line in _lines(log):
                self._write(line)
        finally:
            log.release_conn()

    def _write(self, line: str) -> None:
        stamp, _, text = line.partition(" ")
        if stamp > self._last:  # stamps have one width
            self._last, self._last_at = stamp, time.monotonic()
            sys.stderr.write(text + "\n")
            speaking.heard()


def _pods_of(namespace: str, job: str, index: int | None = None) -> list[Any]:
    selector = f"{JOBSET_LABEL}={job}" + ("" if index is None else f",{INDEX_LABEL}={index}")
    pods = client.CoreV1Api().list_namespaced_pod(namespace, label_selector=selector, _request_timeout=TIMEOUT)
    return list(pods.items)


def _exit_code(pod: Any) -> int | None:
    """Return the exit code of a pod's node; None if it has not ended, or if the pod was deleted."""
    for status in pod.status.container_statuses or ():
        if status.name == CONTAINER and status.state.terminated is not None:
            return int(status.state.terminated.exit_code)
    return None


def _told(namespace: str, pod: str) -> str:
    lines = _last_lines(namespace, pod)
    return "\n".join(lines) if lines else "its log cannot be read"


def _last_lines(namespace: str, pod: str) -> list[str]:
    try:
        text = client.CoreV1Api().read_namespaced_pod_log(
            pod, namespace, container=CONTAINER, tail_lines=LAST_LINES, _request_timeout=TIMEOUT
        )
    except (ApiException, urllib3.exceptions.HTTPError) as error:
        logger.info("the log of %s: %s", pod, answer_of(error))
        return []
    return str(text).splitlines()


def _message(lines: list[str], step: str) -> str:
    """Return the one message that a step ends with, without its name before it."""
    prefix = f"{step}: error: "
    found = [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]
    return found[-1] if found else "\n".join(["a node refused its input, its last lines:", *lines])


def _lines(log: Any) -> Iterator[str]:
    """Yield the lines of a log as they come."""
    rest = b""
    for chunk in log.stream(amt=None, decode_content=False):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode("utf-8", errors="replace")
    if rest:
        yield rest.decode("utf-8", errors="replace")
