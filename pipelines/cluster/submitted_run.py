"""What `scalequest submit --json` prints in the end: what was sent and, where the run was followed, how it ended."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.arguments import Run
from pipelines.cluster.run_report import Report
from pipelines.cluster.submission import Submission
from pipelines.cluster.watching import end_state
from pipelines.run_ending import made_and_foreseen

SUBMITTED, NOTHING_TO_DO = "submitted", "nothing to do"


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """A run of a preset in a workspace of a cluster."""

    submission: Submission
    run: Run
    num_whole: int  # questions of the whole run that a pilot speaks of; 0: no pilot
    began: float  # when it was asked for, by the monotonic clock
    run_id: str = ""  # "" where all its folders are finished already
    page: str = ""  # of Kubeflow's

    def document(
        self, exit_code: int, report: Report | None = None, folder: str = "", message: str = ""
    ) -> dict[str, object]:
        """Return the document.

        ``report``: of a run that was followed to its end; ``folder``: its last one, where it is known; ``message``: why
        it was not followed to its end.
        """
        told: Mapping[str, object] = {"state": SUBMITTED if self.run_id else NOTHING_TO_DO, "message": message}
        if report:
            done = sum(step.succeeded for step in report.steps)
            told = {"state": end_state(report), "message": report.verdict, "steps_done": done}
        return {
            "run": self.run_id,
            "preset": self.submission.preset,
            "pipeline": self.run.pipeline.name,
            "workspace": self.submission.workspace,
            "num_steps": len(self.run.steps),
            **told,
            "exit_code": exit_code,
            "seconds": time.monotonic() - self.began,
            "folder": folder,
            **made_and_foreseen(self.run, folder, self.num_whole, has_run=report is not None),
            "page": self.page,
        }
