"""`scalequest audit`: a sample of a dataset for a person to judge, and what the verdicts say of the dataset."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from components.shared.errors import ExitCode, InputError
from components.shared.publishing.audits import (
    check_verdicts,
    draw_sample,
    figures,
    judged_rows,
    render_page,
    save_verdicts,
    tables_of,
)
from components.shared.stores import storage
from pipelines.json_output import print_json
from pipelines.reporting import exit_code_of, print_aligned, visible
from pipelines.workspace_folders import LAST_STEP, dataset_at


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What was asked for."""

    address: str  # of a dataset, or of a workspace: its newest one
    rows: int
    seed: int
    page: str  # where to write it; "" names it for the dataset
    verdicts: str  # the file that a page saved; "" makes a page
    as_json: bool = False


def audit(asked: Audit) -> int:
    """Write the page of a sample, or keep the verdicts of one; return the exit code."""
    return exit_code_of("audit", lambda: _audit(Console(file=sys.stdout, quiet=asked.as_json), asked))


def _audit(console: Console, asked: Audit) -> int:
    folder = dataset_at(asked.address, [LAST_STEP])
    if asked.verdicts:
        return _keep(console, folder, asked)
    sample = draw_sample(folder, asked.rows, asked.seed)
    if not sample.rows:
        raise InputError(f"{folder} is a dataset without rows: there is nothing to judge")
    path = Path(asked.page or f"audit-{sample.fingerprint}.html")
    if storage.exists(str(path)):
        raise InputError(f"{path} exists; expected a name for the new page: choose another with --page, or move it")
    storage.create(str(path), render_page(sample).encode())
    _say(console, f"{path}: {len(sample.rows)} rows of {folder}; open it in a browser, judge, and save the verdicts,")
    _say(console, f"then: scalequest audit {folder} --verdicts verdicts-{sample.fingerprint}.json")
    if asked.as_json:
        print_json({"dataset": folder, "page": str(path), "rows": len(sample.rows)})
    return ExitCode.DONE


def _keep(console: Console, folder: str, asked: Audit) -> int:
    name = asked.verdicts
    if not storage.exists(name):
        raise InputError(f"--verdicts {name}: there is no such file; expected one that the page of an audit saved")
    said = check_verdicts(storage.read_bytes(name), folder, name)
    uri = save_verdicts(said, folder)
    _say(console, f"{len(said['verdicts'])} verdicts are in {uri}; the card says them when the dataset is pushed")
    print_audit(console, folder)
    if asked.as_json:
        rates = {
            heading: [{**vars(each), "share": each.share} for each in of_groups]
            for heading, of_groups in tables_of(judged_rows(folder)).items()
        }
        print_json({"dataset": folder, "kept_in": uri, "verdicts": len(said["verdicts"]), "error_rates": rates})
    return ExitCode.DONE


def print_audit(console: Console, folder: str) -> None:
    """Print the error rates of a dataset, by tier and by generator; nothing where nobody has looked at it."""
    for heading, rates in tables_of(judged_rows(folder)).items():
        if rates:
            console.print()
            columns = (heading, "errors", "of", "rate", "95 %")
            print_aligned(console, [columns, *((each.group, *figures(each)) for each in rates)])


def _say(console: Console, line: str) -> None:
    console.print(visible(line), markup=False, highlight=False, soft_wrap=True)
