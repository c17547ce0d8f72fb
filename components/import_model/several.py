"""``python3 -m components.import_model.several --executor-input {{$}}``: all models of a run, one after another.

The answer names the folder of each, ``{"hf://org/name@main": "gs://…/import_model/…"}``: so later tasks find them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence

from components.import_model.config import ImportModelConfig
from components.import_model.step import run
from components.shared import stopping
from components.shared.command.kubeflow_task import report_text, values_of
from components.shared.command.pod_disk import refuse_pod_disk
from components.shared.command.step_command import run_task
from components.shared.command.termination_message import FINISHED, REUSED, leave_message
from components.shared.errors import InputError
from components.shared.model_imports import COMMAND, imports_of, named_in
from components.shared.passing_on import MODELS
from components.shared.workspace import Workspace


def main(argv: Sequence[str]) -> str:
    """Import every model that the task's inputs name; return the folders as JSON."""
    parser = argparse.ArgumentParser(prog="python -m components.import_model.several", allow_abbrev=False)
    parser.add_argument("--executor-input", required=True, help="what Kubeflow Pipelines passes as {{$}}")
    executor_input = parser.parse_args(argv).executor_input
    values = values_of(executor_input)
    workspace = Workspace(str(values["workspace"]))
    refuse_pod_disk(workspace.uri, of_kubeflow=True)
    stopping.call_if_late(workspace.release)
    with contextlib.redirect_stdout(sys.stderr):
        folders = import_all(values, workspace)
    told = json.dumps(folders, ensure_ascii=False)
    made = set(folders.values()) - workspace.reused
    leave_message(f"{FINISHED if made else REUSED}{' '.join(sorted(made) or sorted(workspace.reused))}")
    report_text(executor_input, MODELS, told)
    return told


def import_all(values: dict[str, object], workspace: Workspace) -> dict[str, str]:
    """Import the models that parameters name, in a workspace; return the folder of each source."""
    folders: dict[str, str] = {}
    for each in imports_of(named_in(values)):
        try:
            config = ImportModelConfig(
                workspace=workspace.uri, source=each.source, kind=each.kind, chat_template=each.chat_template
            )
            folders[each.source] = run(config, workspace)
        except InputError as error:
            raise InputError(f"{each.source}: {error}") from error
    return folders


if __name__ == "__main__":
    run_task(COMMAND, lambda: main(sys.argv[1:]))
