"""`scalequest report`: one page about a dataset, or about a run in progress or failed; a file to look at or to mail."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from components.shared.errors import ExitCode, InputError
from components.shared.records import KINDS
from components.shared.report.reject_samples import rejected_rows
from components.shared.report.report_page import Making, Report, minute, render_page
from components.shared.report.row_figures import RowFigures
from components.shared.report.row_samples import SampledRow, look_at, with_others
from components.shared.report.used_models import base_models
from components.shared.stores import storage
from components.shared.workspace.costs import account_of
from components.shared.workspace.lineage import Stage, rows_stages_of, sources_of, stages_of, stages_of_all
from components.shared.workspace.listing import WorkspaceListing, listing_of
from components.shared.workspace.plans import Plan, read_plan_or_none
from components.shared.workspace.reused_lines import reused_in
from components.shared.workspace.row_sources import folder_of
from components.shared.workspace.rows import Rows
from components.shared.workspace.run_records import KeptRun, read_runs
from pipelines.json_output import print_json
from pipelines.reporting import exit_code_of, print_aligned, visible
from pipelines.workspace_contents import FolderEntry, read_folders, read_unfinished_of
from pipelines.workspace_folders import LAST_STEP, folder_at

MADE_BY = b"<footer>Made by ScaleQuest."
THREADS = 16
WITH_QUESTIONS = ("question", "response", "example")  # kinds of rows that a page can show


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a page is about: what stands, and how the run that made it is or was."""

    title: str
    state: str
    stages: Sequence[Stage]  # what led to it; the last one has the rows that are shown
    run: KeptRun | None = None
    making: Sequence[Making] = ()

    @property
    def last(self) -> Stage | None:
        """The stage whose rows are shown; None where none is finished yet."""
        fitting = [stage for stage in self.stages if stage.manifest.kind in WITH_QUESTIONS]
        return fitting[-1] if fitting else None


def report(address: str, page: str, *, price: float = 0.0, as_json: bool = False) -> int:
    """Write the page of a dataset or of a workspace; return the exit code; ``price``: of a GPU-hour, 0: as known."""
    return exit_code_of("report", lambda: _report(address, page, price, as_json))


def _report(address: str, page: str, price: float, as_json: bool) -> int:
    subject = _subject(address)
    path = Path(page or f"report-{_name(address)}.html")
    _refuse_to_replace(path)
    path.write_text(render_page(_content(subject, address, price)), encoding="utf-8")
    link = path.absolute().as_uri()
    if as_json:
        print_json({"page": link, "file": str(path), "title": subject.title, "state": subject.state})
        return ExitCode.DONE
    told = {"page": link, "about": f"{subject.title}: {subject.state}"}
    print_aligned(Console(file=sys.stdout), [(name, visible(text)) for name, text in told.items()])
    return ExitCode.DONE


def _refuse_to_replace(path: Path) -> None:
    if not path.parent.is_dir():
        raise InputError(f"--page {path}: the directory {path.parent} does not exist; expected one that does")
    if path.exists() and (path.is_dir() or MADE_BY not in path.read_bytes()):
        raise InputError(f"--page {path} exists and is no page of ours; expected another name, or move it")


def _subject(address: str) -> Subject:
    """Return what a page of an address is about: the newest run of a workspace, or the folder."""
    listing = listing_of(address)
    runs, dataset = read_runs(listing), listing.newest(LAST_STEP)
    newest = runs[-1] if runs else None
    if newest and newest.state != "succeeded":
        return _of_run(listing, newest)
    if not dataset and listing.folders:
        return _of_folders(listing, lambda _: True, "Workspace", "not finished")
    folder = dataset or (address if listing.is_folder else folder_at(address, [LAST_STEP]))
    stages = stages_of(folder)
    made = stages[-1].manifest
    title = str(made.options.get("title", f"Rows of {made.step}"))
    return Subject(title=title, state="finished", stages=stages, run=_run_of(folder, runs))


def _of_run(listing: WorkspaceListing, run: KeptRun) -> Subject:
    """Return a run that is at work or has failed: what it made, found and has begun."""
    reused, began = _reused_by(run), run.record.began_at

    def is_of_it(folder: FolderEntry) -> bool:
        return folder.state != "finished" or folder.date >= began or folder.folder in reused

    return _of_folders(listing, is_of_it, f"Run of {run.record.preset}", run.state, run)


def _reused_by(run: KeptRun) -> set[str]:
    """Return the folders that a run has found finished, as step/fingerprint, by the logs of its steps."""
    with ThreadPoolExecutor(THREADS) as threads:
        logs = threads.map(lambda name: storage.read_bytes(storage.join(run.uri, name)), run.logs)
        return set().union(*(reused_in(log.decode(errors="replace")) for log in logs))


def _of_folders(
    listing: WorkspaceListing, shown: Callable[[FolderEntry], bool], title: str, state: str, run: KeptRun | None = None
) -> Subject:
    """Return folders of a workspace with all that they were made from; those not finished as what is in the making."""
    begun = read_unfinished_of(listing)
    folders = list(filter(shown, read_folders(listing, begun)))
    unfinished = [each for each in folders if each.state != "finished"]
    finished = [storage.join(listing.uri, each.folder) for each in folders if each.state == "finished"]
    inputs = [uri for each in unfinished for uri in _inputs(begun[storage.join(listing.uri, each.folder)].plan)]
    return Subject(
        title=title,
        state=state,
        stages=stages_of_all([*inputs, *finished]),
        run=run,
        making=[Making(step=each.folder.partition("/")[0], told=each.doing or each.state) for each in unfinished],
    )


def _inputs(plan: Plan) -> list[str]:
    """Return the finished folders that an unfinished one is made from."""
    return [folder_of(entry.uri) for entries in plan.inputs.values() for entry in entries if entry.is_folder]


def _run_of(folder: str, runs: Sequence[KeptRun]) -> KeptRun | None:
    """Return the run that made a dataset: its last step's folder is the dataset."""
    name = "/".join(folder.rstrip("/").split("/")[-2:])
    return next((run for run in reversed(runs) if run.end and run.end.folder.endswith(name)), None)


def _content(subject: Subject, address: str, price: float) -> Report:
    last = subject.last
    rows_stages = rows_stages_of(_until(subject.stages, last)) if last else []
    figures, num_rows, samples = _rows(last) if last else (RowFigures(), 0, [])
    manifest = last.manifest if last else None
    return Report(
        title=subject.title,
        state=subject.state,
        message=subject.run.end.message if subject.run and subject.run.end else "",
        workspace=last.folder.removesuffix(f"/{last.name}") if last else address,
        facts=_facts(subject, address),
        license=str(manifest.options.get("license", "")) if manifest else "",
        stages=subject.stages,
        rows_stages=rows_stages,
        making=subject.making,
        figures=figures,
        num_rows=num_rows,
        metrics=manifest.metrics | {"rows": num_rows} if manifest else {},
        samples=samples,
        rejected=rejected_rows(rows_stages),
        account=account_of(subject.stages, price),
    )


def _until(stages: Sequence[Stage], last: Stage) -> list[Stage]:
    return list(stages[: [stage.folder for stage in stages].index(last.folder) + 1])


def _rows(last: Stage) -> tuple[RowFigures, int, list[SampledRow]]:
    """Read some rows of a stage; of a dataset, also the candidates that lost."""
    looked = look_at(Rows([last.folder], KINDS[last.manifest.kind]))
    plan = read_plan_or_none(last.folder) if last.step == LAST_STEP else None
    if plan is None:
        return looked.figures, looked.num_rows, [SampledRow(row=row) for row, _ in looked.drawn]
    responses = [entry.uri for entry in last.manifest.inputs["responses"]]
    return looked.figures, looked.num_rows, with_others(looked.drawn, plan.slices, responses)


def _facts(subject: Subject, address: str) -> Mapping[str, str]:
    record = subject.run.record if subject.run else None
    last = subject.last
    models = {*base_models(subject.stages)}
    is_dataset = last is not None and last.step == LAST_STEP
    return {
        "Made" if subject.state == "finished" else "Newest rows": minute(last.manifest.written_at) if last else "",
        "Run": _course(subject.run) if subject.run else "",
        "Preset": record.preset if record else "",
        "Command": record.command if record else "",
        "Folder": last.folder if last and is_dataset else address,
        "Sources": ", ".join(uri for uri in sources_of(subject.stages) if uri not in models),
        "Version": f"scalequest {last.manifest.versions.get('scalequest', '?')}" if last else "",
    }


def _course(run: KeptRun) -> str:
    until = minute(run.end.ended_at) if run.end else "now"
    done = f"{run.steps_done} of {run.record.num_steps} steps done"
    return f"{minute(run.record.began_at)} to {until} on {run.record.host}, {done}"


def _name(address: str) -> str:
    return address.rstrip("/").rpartition("/")[2] or "workspace"
