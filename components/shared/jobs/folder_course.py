"""How far the folder of a Job is: whether it is finished, its rows, or the last line of a pod that has none yet."""

from __future__ import annotations

import time

from components.shared.jobs.job_reading import Seen
from components.shared.jobs.selected_jobs import SelectedJobs
from components.shared.plain_text import inert, shortened
from components.shared.speaking import Course
from components.shared.workspace.manifests import read_manifest_or_none
from components.shared.workspace.plans import Plan, read_plan_or_none
from components.shared.workspace.unfinished import rows_done

SECONDS = 30.0  # between two looks into the store
LINE_LENGTH = 160


class FolderCourse:
    """The course of one folder; as text, it follows what is said of the Job."""

    def __init__(self, jobs: SelectedJobs, folder: str) -> None:
        self._jobs, self._folder = jobs, folder
        self._looked_at = float("-inf")
        self._succeeded = 0
        self._plan: Plan | None = None
        self._rows: Course | None = None
        self._line = ""

    def look(self, seen: Seen, *, at_once: bool) -> bool:
        """Look into the store, ``at_once`` or if it is time, and tell whether the folder is finished.

        A pod that ended well has perhaps finished it.
        """
        now, succeeded = time.monotonic(), seen.job.get("status", {}).get("succeeded", 0)
        if not (at_once or succeeded > self._succeeded or now - self._looked_at >= SECONDS):
            return False
        self._looked_at, self._succeeded = now, succeeded
        if read_manifest_or_none(self._folder) is not None:
            return True
        running = [pod for pod in seen.pods if pod["status"].get("phase") == "Running"]
        if running:
            self._count()
            is_counted = self._rows is not None and self._rows.pace
            self._line = "" if is_counted else self._jobs.last_lines(running[0], 1)
        else:
            self._rows, self._line = None, ""  # its rate begins anew
        return False

    def __str__(self) -> str:
        told = str(self._rows) if self._rows else ""
        line = f"last line: {shortened(inert(self._line), LINE_LENGTH)}" if self._line else ""
        return "".join(f"; {text}" for text in (told, line) if text)

    def _count(self) -> None:
        self._plan = self._plan or read_plan_or_none(self._folder)
        if self._plan is None or not self._plan.slices:
            return
        done = rows_done(self._folder, self._plan)
        if self._rows is None:
            self._rows = Course("row", self._plan.rows_in, done)
        self._rows.done = done
