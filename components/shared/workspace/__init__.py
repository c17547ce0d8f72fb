"""The place of all folders of a run, at addresses that say what made them.

A folder ``{workspace}/{step}/{fingerprint}/`` holds

- ``_plan.json``, which is written first;
- ``part-00000.parquet`` …, one object for each part, created exclusively; or a model in a subfolder;
- ``rejected/part-00000-<digest>.parquet`` …, named by content: the part, or the manifest, says which one is its own;
- ``_manifest.json``, which is written last, and only if rows in = rows out + rows rejected.

Until then, ``leases/`` says who works on what (see ``_attempts``), ``ledgers/`` holds copies of the ledgers of the
parts that each process wrote (see ``_gathered_ledgers``), and ``checkpoints/step-0000050-<random>/`` … are the last
ones of a training. ``…/rejected`` and ``…/rejected/{reason}`` are the rows that a folder rejected, and can be inputs
like the folder itself.

Beside the steps' folders stand ``_in_use/`` and, while ``scalequest gc`` deletes, ``_removing/``: see ``_uses``; and
``_runs/``, the logs of runs: see ``run_records``; and ``_spent/``, the GPU-hours that were taken: see ``spending``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from components.shared.config import StepConfig, folders
from components.shared.records import R, Row
from components.shared.stores import storage
from components.shared.workspace._claims import Claim
from components.shared.workspace._model_folders import ModelFolder, delete_checkpoints
from components.shared.workspace._uses import mark_use
from components.shared.workspace.manifests import Manifest, read_manifest_or_none
from components.shared.workspace.output_folders import OutputFolder
from components.shared.workspace.planning import explain_difference, make_plan, refuse_changed_inputs
from components.shared.workspace.plans import Plan, Slice, read_plan_or_none, standing_plan, write_plan
from components.shared.workspace.reused_lines import LINE
from components.shared.workspace.rows import Rows

logger = logging.getLogger(__name__)


class Workspace:
    """The place that all folders of a run stand in."""

    def __init__(self, uri: str) -> None:
        storage.scheme_of(uri)
        self.uri = uri
        self.reused: set[str] = set()  # the addresses of folders that stood finished when they were asked for
        self.used: set[str] = set()  # the addresses of folders that this process has marked as in use
        self.at = ""  # the folder (step/fingerprint) that was opened last
        self.before_work: Callable[[], None] = lambda: None  # called before a folder is begun or continued; may refuse
        self._made: list[OutputFolder | ModelFolder] = []

    def read(self, folder_option: str, record: type[R]) -> Rows[R]:
        """Open the finished folder or folders that an option names."""
        return Rows(folders(folder_option), record)

    def open(self, config: StepConfig, *inputs: Rows[Any]) -> StepFolder:
        """Find the folder that a step's work belongs in, finished or not.

        ``inputs`` are those that the step has opened already; the others are looked up here, once. If the folder is
        finished, a mark of use is written, and checkpoints are removed that a training left because it was killed right
        after it had written its manifest. Otherwise nothing is written.
        """
        folder = StepFolder(self, config, make_plan(config, [source for rows in inputs for source in rows.sources]))
        self.at = f"{config.step}/{folder.fingerprint}"
        folder.look()
        if folder.finished:
            self.reused.add(folder.uri)
        return folder

    def release(self) -> None:
        """Release what this process holds, as it ends by itself, which is not a crash."""
        for folder in self._made:
            folder.leases.release()


class StepFolder:
    """A step's folder before any work: nothing is written yet, so bad input is refused now."""

    def __init__(self, workspace: Workspace, config: StepConfig, plan: Plan) -> None:
        self._workspace = workspace
        self._config = config
        self._plan = plan
        self._manifest: Manifest | None = None
        self.uri = storage.join(workspace.uri, self._plan.name)
        self.fingerprint = self._plan.fingerprint

    @property
    def finished(self) -> bool:
        """Whether the manifest existed at the last look: nothing is left to do."""
        return self._manifest is not None

    @property
    def manifest(self) -> Manifest:
        """Its manifest, if it is finished."""
        assert self._manifest is not None, self.uri
        return self._manifest

    def difference(self) -> str:
        """Say how it differs from the step's most similar other folder; "" if there is none."""
        return explain_difference(self._workspace.uri, self._plan)

    def look(self) -> None:
        """Find out whether the folder is finished; others may work on it."""
        self._manifest = read_manifest_or_none(self.uri)
        if self._manifest is not None and self.uri not in self._workspace.used:
            self._mark()
            self._manifest = read_manifest_or_none(self.uri)  # perhaps it was removed before the mark stood
        if self._manifest is not None:
            if self._manifest.kind == "model":
                delete_checkpoints(self.uri)
            told = self.uri, self._manifest.written_at, self._manifest.rows_out
            logger.info(f"{LINE}finished on %s, %d rows", *told)

    def begin_rows(self, record: type[Row], slices: Sequence[Slice], *, units_per_row: int = 1) -> OutputFolder:
        """Write the plan of its rows, or take the existing one; a finished folder has no missing part.

        ``units_per_row``: how many rows, kept or rejected, each row of a slice accounts for.
        """
        claim = self._claim(self._plan.of_rows(record, slices, units_per_row))
        folder = OutputFolder(claim, record, self._config)
        self._workspace._made.append(folder)
        if not folder.finished:
            folder.gates.judge()
        return folder

    def begin_model(self) -> ModelFolder:
        """Write the plan of its model, or take the existing one."""
        folder = ModelFolder(self._claim(self._plan))
        self._workspace._made.append(folder)
        return folder

    def _claim(self, plan: Plan) -> Claim:
        if self._manifest is None:
            self._workspace.before_work()
            refuse_changed_inputs(plan)
            self._mark()
            try:
                write_plan(self.uri, plan)
                difference = self.difference()
                logger.info("new folder %s%s", self.uri, difference and f": {difference}")
                return Claim(self.uri, plan, None)
            except FileExistsError:
                self.look()
        if self._manifest is not None:
            return Claim(self.uri, read_plan_or_none(self.uri) or plan, self._manifest)
        logger.info("continued %s", self.uri)
        return Claim(self.uri, standing_plan(self.uri, plan), None)

    def _mark(self) -> None:
        if self.uri not in self._workspace.used:
            mark_use(self._workspace.uri, self._plan)
            self._workspace.used.add(self.uri)
