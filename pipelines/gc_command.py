"""`scalequest gc`: what no dataset of a workspace needs, step by step, and its deletion."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from components.shared.errors import ExitCode, InputError
from components.shared.upkeep.garbage import Finding, Status, survey
from components.shared.upkeep.garbage_removal import remove_garbage
from pipelines.json_output import print_json
from pipelines.reporting import as_data, exit_code_of, readable_size

ELSEWHERE = "(no step)"
_SAYS: dict[Status, str] = {
    "needed": "needed",
    "young": "too recent, may be in use",
    "unknown": "not ScaleQuest's, kept",
    "garbage": "garbage",
}


@dataclass(kw_only=True)
class _Total:
    """Objects that are garbage for one reason, or of one status."""

    folders: set[str] = field(default_factory=set)
    objects: int = 0
    size: int = 0

    def add(self, finding: Finding) -> None:
        self.folders.add(finding.folder)
        self.objects += 1
        self.size += finding.object.size

    def __str__(self) -> str:
        return f"{self.objects} objects in {len(self.folders)} folders, {readable_size(self.size)}"


def collect_garbage(
    workspace: str, keep: Sequence[str], min_age_hours: float, delete: bool, *, as_json: bool = False
) -> int:
    """List the garbage of a workspace and, if asked to, delete it; return the exit code."""
    return exit_code_of("gc", lambda: _collect(workspace, keep, min_age_hours, delete, as_json))


def _collect(workspace: str, keep: Sequence[str], min_age_hours: float, delete: bool, as_json: bool) -> int:
    findings = survey(workspace, keep=keep, min_age_hours=min_age_hours)
    if not findings:
        raise InputError(f"{workspace}: nothing exists here; check the address")
    if as_json:
        removed = remove_garbage(workspace, findings) if delete else None
        print_json({"workspace": workspace, "objects": list(map(_as_data, findings)), "removed": removed})
    else:
        _print(Console(file=sys.stdout), workspace, findings, delete)
    return ExitCode.DONE


def _as_data(finding: Finding) -> dict[str, object]:
    found = finding.object
    return {
        "name": found.name,
        "size": found.size,
        "folder": finding.folder,
        "status": finding.status,
        "reason": finding.reason,
    }


def _print(console: Console, workspace: str, findings: Sequence[Finding], delete: bool) -> None:
    _print_garbage(console, findings)
    for status in ("needed", "young", "unknown"):
        if total := _totals(findings).get(status):
            console.print(f"{_SAYS[status]}: {total}", highlight=False, soft_wrap=True)
    garbage = _totals(findings).get("garbage")
    if garbage is None:
        console.print("no garbage", highlight=False)
    elif not delete:
        console.print(f"garbage: {garbage}; --delete deletes it", highlight=False, soft_wrap=True)
    else:
        _delete(console, workspace, findings)


def _delete(console: Console, workspace: str, findings: Sequence[Finding]) -> None:
    removed = remove_garbage(workspace, findings)
    console.print(f"removed {removed.objects} objects, {readable_size(removed.size)}", highlight=False)
    for folder in removed.in_use:
        console.print(
            f"{folder} is in use, or was written to in the meantime, and is kept", highlight=False, soft_wrap=True
        )


def _totals(findings: Sequence[Finding]) -> dict[Status, _Total]:
    totals: dict[Status, _Total] = {}
    for finding in findings:
        totals.setdefault(finding.status, _Total()).add(finding)
    return totals


def _print_garbage(console: Console, findings: Sequence[Finding]) -> None:
    lines: dict[tuple[str, str], _Total] = {}
    for finding in findings:
        if finding.status == "garbage":
            lines.setdefault((finding.step or ELSEWHERE, finding.reason), _Total()).add(finding)
    if not lines:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("step", no_wrap=True)
    for name in ("folders", "objects", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for (step, reason), total in sorted(lines.items()):
        table.add_row(
            as_data(step), str(len(total.folders)), str(total.objects), readable_size(total.size), as_data(reason)
        )
    console.print(table)
