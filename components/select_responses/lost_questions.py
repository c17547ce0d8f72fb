"""Questions of which every response was rejected on the way: they appear among the rejected rows only.

Part ``k`` of a folder that keeps its input's parts whole was made from one part of its input, and so back to the step
that cut the questions: what was rejected there stands beside those parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache

from components.shared.errors import InputError
from components.shared.records import Reject, Response, from_table
from components.shared.stores import storage
from components.shared.workspace.manifests import Manifest, read_manifest_or_none
from components.shared.workspace.plans import PLAN, read_plan_or_none
from components.shared.workspace.tables import read_checked

REASON = "no_response_left"


class LostQuestions:
    """Finds them part by part; a folder's manifest and plan, which may name thousands of parts, are read once."""

    def __init__(self) -> None:
        self._manifest_of = cache(read_manifest_or_none)
        self._plan_of = cache(read_plan_or_none)

    def of(self, folder: str, part: int, answered: Iterable[str]) -> list[Reject]:
        """Return a reject for each question of a part of ``folder`` with no response among ``answered`` (their ids).

        Follows the folders from which the part was made, as far as their parts were kept whole; a folder that comes
        from elsewhere has none, and no question is known to be lost. The row is the response that came furthest, of
        those the first sample; the detail counts the reasons.
        """
        answered = set(answered)
        furthest: dict[str, Response] = {}
        reasons: dict[str, Counter[str]] = {}
        for row, reason in self._rejected_on_the_way(folder, part):
            if row.question_id in answered:
                continue
            furthest.setdefault(row.question_id, row)
            reasons.setdefault(row.question_id, Counter())[reason] += 1
        return [
            Reject(row=furthest[question_id], reason=REASON, detail=_count(reasons[question_id]))
            for question_id in sorted(furthest)
        ]

    def _rejected_on_the_way(self, folder: str, part: int) -> Iterator[tuple[Response, str]]:
        """Yield rejected responses and reasons, the last step's first."""
        manifest = self._manifest_of(folder)
        if manifest is None or part >= len(manifest.parts) or manifest.kind != "response":
            return
        if (entry := manifest.parts[part]).rejects:
            table = read_checked(storage.join(folder, entry.rejects), entry.rejects_digest)
            yield from zip(from_table(table, Response), table["reason"].to_pylist(), strict=True)
        if source := self._source_of(folder, manifest, part):
            yield from self._rejected_on_the_way(*source)

    def _source_of(self, folder: str, manifest: Manifest, part: int) -> tuple[str, int] | None:
        """Return the folder of responses and the part that a part was made from, None if not from one whole part."""
        inputs = [entries for entries in manifest.inputs.values() if entries and entries[0].kind == "response"]
        if len(inputs) != 1:
            return None
        plan = self._plan_of(folder)
        if plan is None:
            raise InputError(f"{folder} has no {PLAN}: it was deleted; delete the folder and run its step again")
        cut = plan.slices[part]
        uri = inputs[0][cut.input].uri
        source = self._manifest_of(uri)
        if source is None or cut.start != 0 or cut.stop != source.parts[cut.part].rows:
            return None
        return uri, cut.part


def _count(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason}: {reasons[reason]}" for reason in sorted(reasons))
