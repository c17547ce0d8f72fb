"""Put the scores of solvers into one table, beside the paper's, and say whether a gain is luck."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from components.compare_solvers.columns import read_columns
from components.compare_solvers.config import CompareSolversConfig
from components.compare_solvers.contamination import read_findings
from components.compare_solvers.page import PAPER, render_page
from components.compare_solvers.scores import scores_of
from components.shared.command.kubeflow_artifacts import PAGE_NAME
from components.shared.errors import InputError
from components.shared.records import Contamination, Evaluation, Score
from components.shared.workspace import Workspace
from components.shared.workspace.plans import Slice


def run(config: CompareSolversConfig, workspace: Workspace) -> str:
    """Read all evaluations, compare, and write the table; return the folder's address."""
    evaluations, before = (workspace.read(option, Evaluation) for option in (config.evaluations, config.before))
    contamination = workspace.read(config.contamination, Contamination)
    found = workspace.open(config, evaluations, before, contamination)
    if found.finished:
        return found.uri
    earlier = read_columns(before)
    known = {column.key for column in earlier}
    after = [column for column in read_columns(evaluations) if column.key not in known]
    if not after:
        raise InputError(
            f"--evaluations {config.evaluations} has no answers, or only answers of models that --before has too; "
            "expected evaluations of solvers"
        )
    scores = scores_of(after, earlier, read_findings(contamination))
    folder = found.begin_rows(Score, [Slice(start=0, stop=len(scores))])
    rows = [dataclasses.replace(score, id=folder.row_id(index)) for index, score in enumerate(scores)]
    for part in folder.missing_parts():
        for index, row in enumerate(rows):
            part.settle(index, kept=[row])
    folder.add_file(PAGE_NAME, render_page(config.title, rows).encode())
    return folder.finish(lambda _: figures_of(rows))


def figures_of(scores: Sequence[Score]) -> Mapping[str, float]:
    """Return what the manifest, and with it Kubeflow, shows: accuracies, and the differences with their p-values."""
    figures: dict[str, float] = {}
    for score in scores:
        if score.origin == PAPER or score.group_by:
            continue
        name = f"{score.benchmark or 'mean'}, {score.model}"
        figures[f"accuracy: {name}"] = score.accuracy
        shown = {"difference": score.difference, "p": score.p_value}
        figures |= {f"{what}: {name}": value for what, value in shown.items() if value is not None}
    return figures
