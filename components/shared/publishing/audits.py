"""Audits of a dataset: a stratified sample for a person to look at, the verdicts, and what they say of the rest.

Verdicts are kept in ``audits/`` of the dataset's folder, a file for each; the folder's manifest does not change.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from components.shared.errors import InputError
from components.shared.intervals import wilson_interval
from components.shared.publishing.jinja_templates import template
from components.shared.publishing.markdown import inert_text
from components.shared.records import Example
from components.shared.seeds import derive_seed
from components.shared.stores import storage
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.rows import Rows

AUDITS = "audits"  # the subfolder of the dataset's folder
FORMAT = 1
VERDICTS: Mapping[str, str] = MappingProxyType(
    {
        "good": "The question is sound and the response is right",
        "broken_question": "The question cannot be answered: something lacks, or it contradicts itself",
        "wrong_response": "The question is sound, and the response is wrong",
        "unsure": "I cannot tell",
    }
)
ERRORS = ("broken_question", "wrong_response")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Which rows of a dataset are looked at: the same options draw the same rows."""

    folder: str
    fingerprint: str  # of the dataset
    num_rows: int  # asked for
    seed: int
    rows: Sequence[Example]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What one or several auditors say of one row."""

    tier: str
    source: str
    verdicts: frozenset[str]

    @property
    def is_error(self) -> bool:
        """Whether any of them calls it an error."""
        return bool(self.verdicts & {*ERRORS})

    @property
    def is_unsure(self) -> bool:
        """Whether nobody could tell."""
        return self.verdicts == {"unsure"}


@dataclass(frozen=True, kw_only=True)
class ErrorRate:
    """How many of the rows of a group are errors, with the 95 % interval of their share."""

    group: str
    num_errors: int
    num_judged: int  # without those of which nobody could tell
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share of errors among the judged rows."""
        return self.num_errors / self.num_judged


def draw_sample(folder: str, num_rows: int, seed: int) -> Sample:
    """Draw rows of a dataset; reads it once. InputError for a folder that is no dataset."""
    manifest = read_manifest(folder)
    if manifest.kind != "example":
        raise InputError(f"{folder} holds {manifest.kind} rows; expected a dataset, a folder of package_dataset")
    rows = stratified(Rows([folder], Example), num_rows, seed)
    return Sample(folder=folder, fingerprint=manifest.fingerprint, num_rows=num_rows, seed=seed, rows=rows)


def stratified(rows: Iterable[Example], num_rows: int, seed: int) -> list[Example]:
    """Draw of each generator and tier as many rows as it has of all, but at least one; the same ones on each call.

    Holds ``num_rows`` rows of each group in memory.
    """
    counts: Counter[tuple[str, str]] = Counter()
    drawn: dict[tuple[str, str], list[tuple[int, str, Example]]] = {}
    for row in rows:
        group = row.source, row.tier
        counts[group] += 1
        kept = drawn.setdefault(group, [])
        entry = -derive_seed(seed, "audit", row.id), row.id, row
        if len(kept) < num_rows:
            heapq.heappush(kept, entry)
        else:
            heapq.heappushpop(kept, entry)
    sizes = allocate(counts, num_rows)
    chosen = [entry for group, kept in drawn.items() for entry in sorted(kept, reverse=True)[: sizes[group]]]
    return [row for _, _, row in sorted(chosen, reverse=True)]  # mixed: who judges does not see the groups


def allocate(counts: Mapping[tuple[str, str], int], number: int) -> dict[tuple[str, str], int]:
    """Return how many rows to draw of each group: its share, rounded so that they add up, and at least one.

    All where there are no more. With more groups than ``number``, the largest have one each.
    """
    total = sum(counts.values())
    if number >= total:
        return dict(counts)
    largest = sorted(counts, key=lambda group: (-counts[group], group))
    sizes = {group: int(rank < number) for rank, group in enumerate(largest)}
    while sum(sizes.values()) < number:  # one more where most are lacking of its share
        lacking = max(
            (group for group in largest if sizes[group] < counts[group]),
            key=lambda group: number * counts[group] / total - sizes[group],
        )
        sizes[lacking] += 1
    return sizes


def render_page(sample: Sample) -> str:
    """Return the page on which a person judges a sample: it loads nothing, and sends nothing."""
    names = ("id", "question", "response", "final_answer", "answer")  # neither tier nor generator: they would tell
    content = {
        "format": FORMAT,
        "dataset": sample.fingerprint,
        "num_rows": sample.num_rows,
        "seed": sample.seed,
        "rows": [{name: getattr(row, name) for name in names} for row in sample.rows],
    }
    text = json.dumps(content).replace("<", "\\u003c")  # no text of a row ends the script
    page = template(Path(__file__).with_name("audit.html.jinja"))
    return page.render(content=text, verdicts=VERDICTS, sample=sample)


def check_verdicts(content: bytes, folder: str, name: str) -> dict[str, Any]:
    """Return what a file of verdicts says, each beside its row's tier and generator.

    InputError where it is not of this dataset and of one of its samples.
    """
    said = _as_json(content, name)
    fingerprint = read_manifest(folder).fingerprint
    if said["dataset"] != fingerprint:
        raise InputError(
            f"--verdicts {name} is about the dataset {said['dataset']}, and {folder} is {fingerprint}; give the folder "
            "that its page was made of"
        )
    sample = draw_sample(folder, said["num_rows"], said["seed"])
    rows = {row.id: row for row in sample.rows}
    given = [str(entry.get("id")) for entry in said["verdicts"]]
    if strange := sorted(set(given) - rows.keys()):
        raise InputError(f"--verdicts {name}: the row {strange[0]!r} is not in this sample of {len(rows)} rows")
    if twice := [each for each, number in Counter(given).items() if number > 1]:
        raise InputError(f"--verdicts {name} has the row {twice[0]!r} twice")
    for entry in said["verdicts"]:
        if entry.get("verdict") not in VERDICTS:
            raise InputError(
                f"--verdicts {name}: the verdict {entry.get('verdict')!r} on the row {entry['id']!r}; expected one of "
                f"{', '.join(VERDICTS)}"
            )
    if not given:
        raise InputError(f"--verdicts {name} has no verdicts; judge some rows on the page and save them again")
    judged = [
        entry | {"tier": row.tier, "source": row.source}
        for entry, row in zip(said["verdicts"], (rows[id_] for id_ in given), strict=True)
    ]
    return said | {"verdicts": judged}


def save_verdicts(said: Mapping[str, Any], folder: str) -> str:
    """Keep verdicts with their dataset; return their address. The same ones again are there already."""
    text = json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    uri = storage.join(folder, AUDITS, f"{hashlib.sha256(text.encode()).hexdigest()[:12]}.json")
    if not storage.exists(uri):
        storage.create(uri, text.encode())
    return uri


def judged_rows(folder: str) -> list[Judged]:
    """Return what all audits of a dataset say of its rows, in the order of their ids; reads the audits alone."""
    place = storage.join(folder, AUDITS)
    files = [storage.read_json(storage.join(place, name)) for name in sorted(storage.list_names(place))]
    said: dict[tuple[str, str, str], set[str]] = {}
    for entry in (entry for each in files for entry in each["verdicts"]):
        said.setdefault((entry["id"], entry["tier"], entry["source"]), set()).add(entry["verdict"])
    return [
        Judged(tier=tier, source=source, verdicts=frozenset(verdicts - {"unsure"} or {"unsure"}))
        for (_, tier, source), verdicts in sorted(said.items())
    ]


def error_rates(judged: Sequence[Judged], group_of: Callable[[Judged], str]) -> list[ErrorRate]:
    """Return the error rate of each group, the groups by name."""
    groups: dict[str, list[bool]] = {}
    for row in judged:
        if not row.is_unsure:
            groups.setdefault(group_of(row), []).append(row.is_error)
    return [_rate(group, errors) for group, errors in sorted(groups.items())]


def tables_of(judged: Sequence[Judged]) -> dict[str, list[ErrorRate]]:
    """Return the error rates of all rows, by tier and by generator, each under the heading of its first column."""
    return {
        "all": error_rates(judged, lambda _: "all rows"),
        "tier": error_rates(judged, lambda row: row.tier or "not stated"),
        "generator": error_rates(judged, lambda row: row.source or "not stated"),
    }


def audit_section(folder: str) -> str:
    """Return what a dataset's card says of its audits, "" where there are none."""
    judged = judged_rows(folder)
    if not judged:
        return ""
    unsure = sum(row.is_unsure for row in judged)
    lines = [
        "\n## Audit\n",
        f"People looked at a random sample of {len(judged)} rows. An error is a question that cannot be answered, or a",
        f"wrong response. Of {unsure} rows nobody could tell; they do not count.",
    ]
    for heading, rates in tables_of(judged).items():
        lines += ["", f"| {heading} | errors | of | rate | 95 % |", "|---|---:|---:|---:|---|"]
        lines += [f"| {inert_text(each.group)} | {' | '.join(figures(each))} |" for each in rates]
    return "\n".join(lines) + "\n"


def figures(rate: ErrorRate) -> tuple[str, ...]:
    """Return an error rate in words: errors, judged rows, the share and its interval (Wilson's)."""
    interval = f"{rate.low * 100:.1f} to {rate.high * 100:.1f} %"
    return str(rate.num_errors), str(rate.num_judged), f"{rate.share * 100:.1f} %", interval


def _rate(group: str, errors: Sequence[bool]) -> ErrorRate:
    low, high = wilson_interval(sum(errors), len(errors))
    return ErrorRate(group=group, num_errors=sum(errors), num_judged=len(errors), low=low, high=high)


def _as_json(content: bytes, name: str) -> dict[str, Any]:
    try:
        said = json.loads(content)
    except ValueError as error:
        raise InputError(
            f"--verdicts {name} is no JSON ({error}); expected a file that the page of an audit saved"
        ) from error
    kinds = {"format": int, "dataset": str, "num_rows": int, "seed": int, "verdicts": list}
    wrong = [key for key, kind in kinds.items() if not isinstance(said, dict) or not isinstance(said.get(key), kind)]
    if wrong or said["format"] != FORMAT or not all(isinstance(entry, dict) for entry in said["verdicts"]):
        raise InputError(
            f"--verdicts {name}: {', '.join(wrong) or 'format or verdicts'} not as the page of an audit writes it; "
            "give the file that the page saved, unchanged"
        )
    return cast(dict[str, Any], said)
