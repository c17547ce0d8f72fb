"""Runs the pods of a stand-in cluster's Jobs as processes of this machine, and tells the cluster how they end.

As a Job of ours is run: a pod that was killed or that found its store away is replaced, bad input ends the Job.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from components.shared.command.termination_message import FILE_VARIABLE
from components.shared.errors import FINAL, ExitCode
from tests.components.shared.jobs.jobs_cluster import JobsCluster
from tests.source_tree import ROOT


class Kubelet:
    """The processes of all pods, by the pods' names."""

    def __init__(self, cluster: JobsCluster, logs: Path) -> None:
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {"PYTHONPATH": str(ROOT)}  # of the pods
        self._cluster, self._logs = cluster, logs
        cluster.on_create = self._start_job

    def kill(self, pod: str) -> None:
        """Kill a pod's process, as a node does that is out of memory."""
        self.processes[pod].send_signal(signal.SIGKILL)

    def stop_all(self) -> None:
        """Leave no process behind."""
        self._cluster.on_create = lambda name: None
        for process in self.processes.values():
            process.kill()

    def _start_job(self, name: str) -> None:
        self._cluster.run_pods(name)
        for index in range(self._cluster.jobs[name]["spec"].get("parallelism", 1)):
            threading.Thread(target=self._run_pod, args=(name, f"{name}-{index}"), daemon=True).start()

    def _run_pod(self, job: str, pod: str) -> None:
        (container,) = self._cluster.jobs[job]["spec"]["template"]["spec"]["containers"]
        command = [sys.executable, *container["command"][1:], *(word.replace("$$", "$") for word in container["args"])]
        code, log, words = int(ExitCode.KILLED), self._logs / f"{pod}.log", self._logs / f"{pod}.words"
        environment = os.environ | self.environment | {FILE_VARIABLE: str(words)}
        while code in (ExitCode.KILLED, ExitCode.UNAVAILABLE, ExitCode.STOPPED):
            words.write_bytes(b"")
            with log.open("wb") as file:
                self.processes[pod] = subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file, env=environment)
            code = self.processes[pod].wait()
            code = 128 - code if code < 0 else code
            self._cluster.logs[pod] = log.read_text(encoding="utf-8")
        self._cluster.end_pod(pod, code, words.read_text(encoding="utf-8"))
        self._end_job(job, code)

    def _end_job(self, job: str, code: int) -> None:
        with self._cluster.lock:
            if job not in self._cluster.live:
                return
            statuses = [pod["status"] for name, pod in self._cluster.pods.items() if name.startswith(job)]
            if code in FINAL:
                self._cluster.fail(job, "PodFailurePolicy")
            elif all(status["phase"] == "Succeeded" for status in statuses):
                self._cluster.complete(job)
