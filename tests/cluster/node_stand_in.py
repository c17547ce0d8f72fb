"""A node and the controllers of a stand-in cluster: the pods of Jobs run as processes of this machine.

The rules are Kubernetes': an index whose pod failed gets another one as often as its limit says; exit codes that a
failure policy names fail the Job at once; a disrupted pod does not count; a deadline ends all pods with SIGTERM.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.shared.jobs.selected_jobs import JOB_LABEL
from tests.components.shared.jobs.jobs_cluster import INDEX, Object
from tests.components.shared.jobs.jobs_server import answer
from tests.components.shared.jobs.recorded_jobs import Answer, refusal
from tests.pipelines.cluster.conftest import Server
from tests.pipelines.cluster.run_cluster import RunCluster

LOG = "/dev/termination-log"


@dataclass
class NodeCluster(RunCluster):
    """A namespace whose Jobs run: what ``tick`` finds to do is done then."""

    place: Path = Path()  # for the pods' last words
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)  # by pod
    disrupted: set[str] = field(default_factory=set)
    made: int = 0

    def serve(self, server: Server, namespace: str) -> None:
        """Answer also what nodes are asked: pods of all kinds, evicted or deleted."""
        place = f"/api/v1/namespaces/{namespace}/pods"

        def part(request: str, query: Mapping[str, str], body: Any) -> Answer | None:
            method, _, path = request.partition(" ")
            if path != place and not path.startswith(f"{place}/"):
                return None
            name, _, how = path.removeprefix(place).strip("/").partition("/")
            if method == "GET":
                return answer(self, method, "pods", name, dict(query), body)
            if name not in self.processes:
                return refusal("error-404-job", nosuch=name)
            self._take_away(name, forcibly=not how)
            return 201 if how else 200, {"kind": "Status", "status": "Success"}

        server.parts.append(part)
        super().serve(server, namespace)

    def tick(self) -> None:
        """Do what node and controllers have to do now."""
        with self.lock:
            self.end_late()
            for pod in [*self.processes]:
                self._end_if_done(pod)
            for name in [*self.jobs]:
                if "deletionTimestamp" in self.jobs[name]["metadata"] or not self.is_live(name):
                    self._stop(self._pods_of(name))
                else:
                    self._control(name)

    def end_all(self) -> None:
        """Leave no process behind."""
        for process in self.processes.values():
            _signal(process, signal.SIGKILL)
            process.wait()

    def _control(self, name: str) -> None:
        job = self.jobs[name]
        by_index: dict[int, list[Object]] = {}
        for pod in map(self.pods.__getitem__, self._pods_of(name)):
            by_index.setdefault(int(pod["metadata"]["labels"][INDEX]), []).append(pod)
        failed = {index: sum(map(self._counts, pods)) for index, pods in by_index.items()}
        succeeded = [index for index, pods in by_index.items() if any(_phase(pod) == "Succeeded" for pod in pods)]
        self.change_job(name, status={"failed": sum(failed.values()), "succeeded": len(succeeded)})
        if refused := _final_codes(job) & {_code(pod) for pods in by_index.values() for pod in pods}:
            told = f"Container step failed with exit code {refused.pop()} matching FailJob rule"
            return self.fail(name, "PodFailurePolicy", told)
        number = job["spec"]["completions"]
        given_up = [index for index, times in failed.items() if times > job["spec"]["backoffLimitPerIndex"]]
        if given_up:
            self.change_job(name, status={"failedIndexes": ",".join(map(str, given_up))})
        if len({*given_up, *succeeded}) >= number:
            return self.fail(name, "FailedIndexes", "Job has failed indexes") if given_up else self._done(name, number)
        for index in set(range(number)) - {*given_up, *succeeded}:
            if all(_phase(pod) != "Running" for pod in by_index.get(index, ())):
                self._start(job, index)
        gone = [pod for index, pods in by_index.items() if index >= number for pod in pods]
        self._stop([pod["metadata"]["name"] for pod in gone])
        return None

    def _done(self, name: str, number: int) -> None:
        self._end(name, "Complete", "CompletionsReached", "Reached expected number of succeeded pods", number)

    def _counts(self, pod: Object) -> bool:
        return _phase(pod) == "Failed" and pod["metadata"]["name"] not in self.disrupted

    def _start(self, job: Object, index: int) -> None:
        self.made += 1
        template, name = job["spec"]["template"], f"{job['metadata']['name']}-{index}-{self.made}"
        (container,) = template["spec"]["containers"]
        given = (*container["command"], *container["args"])
        words = [word.replace("$$", "$").replace(LOG, str(self.place / name)) for word in given]  # as the kubelet does
        labels = template["metadata"]["labels"] | {JOB_LABEL: job["metadata"]["name"], INDEX: str(index)}
        status: Object = {"phase": "Running", "containerStatuses": [], "conditions": []}
        self.pods[name] = {"metadata": {"name": name, "labels": labels}, "spec": template["spec"], "status": status}
        self.processes[name] = subprocess.Popen(words, start_new_session=True)

    def _end_if_done(self, pod: str) -> None:
        code = self.processes[pod].poll()
        if code is None:
            return
        del self.processes[pod]
        words = self.place / pod
        if pod in self.pods:
            self.end_pod(pod, code if code >= 0 else 128 - code, words.read_text() if words.exists() else "")
            if pod in self.disrupted:
                condition = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
                self.pods[pod]["status"]["conditions"] = [condition]

    def _take_away(self, pod: str, *, forcibly: bool) -> None:
        self.disrupted.add(pod)
        _signal(self.processes[pod], signal.SIGKILL if forcibly else signal.SIGTERM)
        if forcibly:
            del self.pods[pod]

    def _stop(self, pods: list[str]) -> None:
        """End pods that are not wanted any more: they hear SIGTERM, and are gone."""
        for pod in pods:
            if pod in self.processes:
                _signal(self.processes[pod], signal.SIGTERM)
                self.processes.pop(pod).wait(10)
                del self.pods[pod]

    def _remove_pods(self, name: str) -> None:
        self._stop(self._pods_of(name))


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    if process.poll() is None:
        os.killpg(process.pid, number)


def _phase(pod: Object) -> str:
    return str(pod["status"]["phase"])


def _final_codes(job: Object) -> set[int | None]:
    """Return the exit codes by which a Job's policy ends it at once."""
    rules = job["spec"]["podFailurePolicy"]["rules"]
    return {code for rule in rules if rule["action"] == "FailJob" for code in rule["onExitCodes"]["values"]}


def _code(pod: Object) -> int | None:
    statuses = pod["status"]["containerStatuses"]
    return statuses[0]["state"]["terminated"]["exitCode"] if statuses else None
