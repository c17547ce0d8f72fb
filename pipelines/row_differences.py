"""Which questions one folder has and another has not, and where on its way each of them was lost."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from components.shared.stores import storage
from components.shared.workspace.ledgers import REJECTED
from components.shared.workspace.lineage import Stage, rows_stages_of
from components.shared.workspace.row_sources import open_source

NOT_THERE = "not among its questions"  # it never came so far: another seed, source or sample
NUM_SAMPLES = 3  # questions that are shown for each reason
MAX_SAMPLE = 200  # characters of one
_DIGEST_BYTES = 16  # a million questions with a response each take 285 MB


@dataclass(frozen=True, kw_only=True)
class Lost:
    """Questions that one folder has and the other has not, for one reason."""

    reason: str  # "filter_solvability: not_solvable"
    questions: int
    samples: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class RowDifferences:
    """The questions of two folders."""

    in_both: int
    with_another_response: int  # of those in both
    lost: Sequence[Lost]  # in A alone, by where B lost them; the most frequent reason first
    added: Sequence[Lost]  # in B alone, by where A lost them

    @property
    def only_in_a(self) -> int:
        """How many questions are in A alone."""
        return sum(each.questions for each in self.lost)

    @property
    def only_in_b(self) -> int:
        """How many questions are in B alone."""
        return sum(each.questions for each in self.added)


def compare_rows(a: Sequence[Stage], b: Sequence[Stage]) -> RowDifferences | None:
    """Compare the questions of the folders that stages led to; None where one of them holds no questions."""
    if not all(_has_questions(stages[-1]) for stages in (a, b)):
        return None
    in_a, in_b = _responses(a[-1].folder), _responses(b[-1].folder)
    both = in_a.keys() & in_b.keys()
    return RowDifferences(
        in_both=len(both),
        with_another_response=sum(in_a[each] != in_b[each] for each in both),
        lost=_losses(in_a.keys() - both, a[-1].folder, b),
        added=_losses(in_b.keys() - both, b[-1].folder, a),
    )


def _has_questions(stage: Stage) -> bool:
    return stage.manifest.kind in ("question", "response", "example")


def _responses(folder: str) -> dict[bytes, bytes]:
    """Return a digest of the responses to each question of a folder, by one of the question."""
    responses: dict[bytes, bytes] = {}  # several are side by side, in the order of their digests
    for table in _tables(folder):
        answers = table["response"].to_pylist() if "response" in table.column_names else [""] * table.num_rows
        for question, response in zip(map(_digest, table["question"].to_pylist()), map(_digest, answers), strict=True):
            known = responses.get(question)
            responses[question] = response if known is None else _with(known, response)
    return responses


def _with(known: bytes, digest: bytes) -> bytes:
    found = {known[start : start + _DIGEST_BYTES] for start in range(0, len(known), _DIGEST_BYTES)}
    return b"".join(sorted(found | {digest}))


def _losses(missing: set[bytes], holder: str, other: Sequence[Stage]) -> list[Lost]:
    """Return where the other way lost the questions that only ``holder`` has: the last stage that rejected each."""
    reasons: dict[bytes, str] = {}
    for stage in rows_stages_of(other) if missing else ():
        at_stage: dict[bytes, set[str]] = {}
        for question, reason in _rejects(stage):
            if question in missing:
                at_stage.setdefault(question, set()).add(reason)
        for question, why in at_stage.items():
            reasons[question] = f"{stage.step}: {', '.join(sorted(why))}"
    counts = Counter(reasons.get(question, NOT_THERE) for question in missing)
    samples = _samples(holder, missing, reasons, counts) if missing else {}
    return [
        Lost(reason=reason, questions=number, samples=samples.get(reason, ()))
        for reason, number in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    ]


def _rejects(stage: Stage) -> Iterator[tuple[bytes, str]]:
    if not stage.manifest.rejected:
        return
    for table in _tables(storage.join(stage.folder, REJECTED)):
        if "question" in table.column_names:
            questions, reasons = table["question"].to_pylist(), table["reason"].to_pylist()
            yield from zip(map(_digest, questions), reasons, strict=True)


def _samples(
    holder: str, wanted: set[bytes], reasons: Mapping[bytes, str], counts: Mapping[str, int]
) -> dict[str, list[str]]:
    """Return some questions for each reason; ``counts``: how many there are. Read until each reason has its own."""
    samples: dict[str, list[str]] = {reason: [] for reason in counts}
    for table in _tables(holder):
        for question in table["question"].to_pylist():
            if (digest := _digest(question)) in wanted:
                found = samples[reasons.get(digest, NOT_THERE)]
                shown = question if len(question) <= MAX_SAMPLE else f"{question[:MAX_SAMPLE]}…"
                if len(found) < NUM_SAMPLES and shown not in found:
                    found.append(shown)
        if all(len(samples[reason]) >= min(NUM_SAMPLES, number) for reason, number in counts.items()):
            break
    return samples


def _tables(uri: str) -> Iterator[pa.Table]:
    source = open_source(uri)
    yield from map(source.read, source.parts())


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).digest()
