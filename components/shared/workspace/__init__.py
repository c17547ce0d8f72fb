"""The place that all folders of a run stand in, at addresses that say what made them.

A folder ``{workspace}/{step}/{fingerprint}/`` holds ``_plan.json`` (first), ``part-00000.parquet`` … (one object a
part, created exclusively) or a model in a subfolder, ``rejected/part-00000-<digest>.parquet`` … (named by content: the
part or the manifest that counts says which one is its own) and ``_manifest.json`` (last, and only where rows in = rows
out + rows rejected). Until then, ``tries/`` has marks of what processes have begun, ``ledgers/`` copies of the ledgers
of the parts that each process wrote (see ``gathered_ledgers``), and ``checkpoints/step-0000050-<random>/`` … the last
ones of a training. ``…/rejected`` and ``…/rejected/{reason}`` are inputs as the folder itself is one: the rows
that it rejected.

Beside the steps' folders stand ``_in_use/`` and, while ``scalequest gc`` deletes, ``_removing/``: see ``uses``.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from components.shared.config import StepConfig, WholePartConfig, flag_of, folders
from components.shared.errors import UnavailableError
from components.shared.records import R, Row, columns_of, kind_of, schema_of
from components.shared.stores import storage
from components.shared.workspace._claims import Claim, claim_folder
from components.shared.workspace._model_folders import ModelFolder, delete_checkpoints
from components.shared.workspace._uses import mark_use
from components.shared.workspace.manifests import read_manifest_or_none
from components.shared.workspace.output_folders import OutputFolder
from components.shared.workspace.plans import Inputs, describe_inputs, make_plan
from components.shared.workspace.rows import Rows, Slice

logger = logging.getLogger(__name__)


class Workspace:
    """The place that all folders of a run stand in."""

    def __init__(self, uri: str) -> None:
        storage.scheme_of(uri)
        self.uri = uri
        self.reused: set[str] = set()  # the addresses of folders that stood finished when they were asked for
        self._made: list[OutputFolder] = []
        self._marked: set[str] = set()  # the fingerprints of the folders that this process has marked as used
        self._looked_up: tuple[StepConfig, Inputs] | None = None  # what was last looked up by ``find_finished``

    def read(self, folder_option: str, record: type[R]) -> Rows[R]:
        """Open the finished folder or folders that an option names."""
        return Rows(folders(folder_option), record)

    def create(
        self, config: StepConfig, record: type[Row], slices: Sequence[Slice], *, units_per_row: int = 1
    ) -> OutputFolder:
        """Plan the step's folder of rows, or find it: planned, half done or finished.

        ``units_per_row``: how many rows, kept or rejected, each row of a slice accounts for.
        """
        columns = columns_of(schema_of(record))
        plan = make_plan(config, kind_of(record), columns, slices, units_per_row, self._inputs_of(config))
        shards = (config.shard, config.num_shards) if isinstance(config, WholePartConfig) else (0, 1)
        folder = OutputFolder(self._claim(plan), record, *shards)
        self._made.append(folder)
        return folder

    def take_tries_back(self) -> None:
        """Say that this process ends by itself: nothing that it had begun is to be blamed for that."""
        for folder in self._made:
            folder.tries.end()

    def create_model(self, config: StepConfig) -> ModelFolder:
        """Plan the step's model folder, or find it."""
        return ModelFolder(self._claim(make_plan(config, "model", (), (), 1, self._inputs_of(config))))

    def find_finished(self, config: StepConfig) -> str:
        """Return the address of the step's folder if it is finished, "" else.

        For steps that have to look at their whole source before they may plan a folder. All that is written is a mark
        of use, where there is a folder to use; checkpoints that a training left because it was killed right behind its
        manifest are removed. ``create`` of the same config compares its inputs with what they are here.
        """
        self._looked_up = config, (inputs := describe_inputs(config))
        plan = make_plan(config, "", (), (), 1, inputs)
        uri = storage.join(self.uri, config.step, plan["fingerprint"])
        if read_manifest_or_none(uri) is None:
            return ""
        self._mark(plan)
        manifest = read_manifest_or_none(uri)
        if manifest is None:  # removed before the mark stood
            return ""
        if manifest.kind == "model":
            delete_checkpoints(uri)
        self.reused.add(uri)
        logger.info("reused %s: finished on %s, %d rows", uri, manifest.written_at, manifest.rows_out)
        return uri

    def _inputs_of(self, config: StepConfig) -> Inputs:
        """Return what stands at the step's inputs; UnavailableError where that has changed meanwhile."""
        inputs = describe_inputs(config)
        if self._looked_up and self._looked_up[0] is config and self._looked_up[1] != inputs:
            names = ", ".join(flag_of(name) for name in inputs if inputs[name] != self._looked_up[1][name])
            raise UnavailableError(f"{names} changed while it was read; start again once nobody writes it")
        return inputs

    def _claim(self, plan: dict[str, Any]) -> Claim:
        self._mark(plan)
        claim = claim_folder(self.uri, plan)
        if claim.manifest is not None:
            self.reused.add(claim.uri)
        return claim

    def _mark(self, plan: dict[str, Any]) -> None:
        if plan["fingerprint"] not in self._marked:
            mark_use(self.uri, plan)
            self._marked.add(plan["fingerprint"])
