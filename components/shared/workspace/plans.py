"""Plans: how a folder is made, and how its rows are cut into parts; ``_plan.json`` is the first object of a folder.

The plan in a folder decides how its rows are cut, whatever the present options say.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.shared.config import flag_of
from components.shared.errors import InputError
from components.shared.records import Row, columns_of, kind_of, schema_of
from components.shared.stores import storage
from components.shared.workspace._descriptions import PLAN as PLAN
from components.shared.workspace._descriptions import Inputs, changed, inputs_to_json, read_description

PART_NAME = re.compile(r"part-\d+\.parquet")  # what ``part_name`` returns


@dataclass(frozen=True, kw_only=True)
class Slice:
    """The rows ``start`` to ``stop`` (exclusive) of an input's part, for which one part of the output accounts."""

    input: int = 0
    part: int = 0
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The work that makes a folder, its fingerprint, and how the rows are cut; it never changes."""

    format: int
    step: str
    version: int
    fingerprint: str
    kind: str  # of its rows, or "model"
    columns: tuple[str, ...]  # of its rows: names and types
    options: Mapping[str, Any]
    inputs: Inputs
    prompts: Mapping[str, str]  # SHA-256 by name of the file
    rows_in: int
    units_per_row: int  # how many rows, kept or rejected, each row of a slice accounts for
    slices: tuple[Slice, ...]
    command: str  # that finishes the folder
    code_version: str

    @property
    def name(self) -> str:
        """The folder's address within a workspace."""
        return f"{self.step}/{self.fingerprint}"

    def fingerprint_without(self, option: str) -> str:
        """Return what all plans of the same work have in common, whatever their values of an option."""
        options = {name: value for name, value in self.options.items() if name != option}
        return fingerprint_of(self.step, self.version, options, self.inputs, self.prompts)

    def fingerprint_of_a_row(self, size: str = "") -> str:
        """Return what all plans have in common that make the same of a row of their input, whatever their rows are.

        ``size``: the option that only says how many rows there are. Models that were made again are others.
        """
        inputs = {
            name: tuple(
                dataclasses.replace(entry, fingerprint=f"{entry.fingerprint} {entry.content}")
                for entry in entries
                if not entry.is_rows
            )
            for name, entries in self.inputs.items()
        }
        return dataclasses.replace(self, inputs=inputs).fingerprint_without(size)

    def of_rows(self, record: type[Row], slices: Sequence[Slice], units_per_row: int) -> Plan:
        """Return the same work, with what its rows are and how they are cut into parts."""
        return dataclasses.replace(
            self,
            kind=kind_of(record),
            columns=tuple(columns_of(schema_of(record))),
            rows_in=sum(map(len, slices)) * units_per_row,
            units_per_row=units_per_row,
            slices=tuple(slices),
        )


def fingerprint_of(
    step: str, version: int, options: Mapping[str, Any], inputs: Inputs, prompts: Mapping[str, str]
) -> str:
    """Return what stands for a step's work in the address of its folder."""
    work = {
        "step": step,
        "version": version,
        "options": options,
        "inputs": {name: [entry.fingerprint for entry in entries] for name, entries in inputs.items()},
        "prompts": prompts,
    }
    return hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()[:16]


def write_plan(folder: str, plan: Plan) -> None:
    """Write the plan of a new folder; FileExistsError if it has one already."""
    cut = {
        "inputs": inputs_to_json(plan.inputs),
        "slices": [[each.input, each.part, each.start, each.stop] for each in plan.slices],
    }
    content = {field.name: getattr(plan, field.name) for field in dataclasses.fields(plan)} | cut
    storage.create_json(storage.join(folder, PLAN), content)


def read_plan_or_none(folder: str) -> Plan | None:
    """Return a folder's plan, None if it has none; InputError for one that this version cannot read."""
    uri = storage.join(folder, PLAN)
    content = read_description(uri, Plan)
    if content is None:
        return None
    slices = tuple(_read_slice(uri, cut) for cut in content["slices"])
    return Plan(**content | {"columns": tuple(content["columns"]), "slices": slices})


def standing_plan(folder: str, plan: Plan) -> Plan:
    """Return the plan that a folder has instead of ours.

    Raises InputError if its rows have other columns: changed code cannot continue what older code began. Also if an
    input was made again since, even by the same work: its rows may be cut into other parts or differ (no engine on a
    GPU repeats itself), and the finished parts would not fit.
    """
    standing = read_plan_or_none(folder)
    assert standing is not None, folder
    if (standing.kind, standing.columns) != (plan.kind, plan.columns):
        raise InputError(
            f"{folder} was started by another version of this step: {standing.kind} rows with the columns "
            f"{', '.join(standing.columns)}; now {plan.kind} rows with {', '.join(plan.columns)}; "
            "finish it with that version, or delete it"
        )
    for name, entries in plan.inputs.items():
        for old, new in zip(standing.inputs[name], entries, strict=True):
            if old.content != new.content:
                raise InputError(
                    f"{folder} is unfinished, and {flag_of(name)} {new.uri} was made again since, with other parts "
                    f"(content {old.content} then, {new.content} now); delete {folder} and start again, or use "
                    "another workspace"
                )
    return standing


def describe_missing(folder: str, plan: Plan) -> str:
    """Say what an unfinished folder lacks: parts, or only its manifest."""
    missing = list(map(part_name, missing_parts(folder, plan)))
    if not missing:
        return "its manifest is missing"
    names = ", ".join(missing[:3]) + (", …" if missing[3:] else "")
    verb = "is" if len(missing) == 1 else "are"
    return f"{len(missing)} of {len(plan.slices)} parts ({names}) {verb} missing"


def missing_parts(folder: str, plan: Plan) -> list[int]:
    """Return the numbers of the parts that are not written yet."""
    return missing_among(storage.list_names(folder), plan)


def missing_among(names: Collection[str], plan: Plan) -> list[int]:
    """Return the numbers of the parts that are not among the names of a folder's objects."""
    present = set(names)
    return [number for number in range(len(plan.slices)) if part_name(number) not in present]


def part_name(number: int) -> str:
    """Return the name of a part's object."""
    return f"part-{number:05d}.parquet"


def _read_slice(uri: str, cut: Any) -> Slice:
    try:
        number, part, start, stop = map(int, cut)
        return Slice(input=number, part=part, start=start, stop=stop)
    except (TypeError, ValueError) as error:
        raise changed(uri, f"has {repr(cut)[:40]} among 'slices'") from error
