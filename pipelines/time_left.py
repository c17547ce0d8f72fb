"""How long a run may still take, by what its steps took: in this run, or an earlier one in the same workspace."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import fmean

from components.shared.errors import InputError, UnavailableError
from components.shared.stores import storage
from components.shared.workspace.listing import newest_names
from components.shared.workspace.manifests import Manifest, read_manifest_or_none
from pipelines.compiled_pipeline import PlannedStep

FOLDERS = 8  # of a step that are looked at, at most: the newest


class TimeLeft:
    """Gives no estimate rather than a guess: before the first step is done, and while a kind of step never ran."""

    def __init__(self, steps: Sequence[PlannedStep], workspace: str) -> None:
        self._to_come = Counter(step.name for step in steps)
        self._workspace = workspace
        self._took: dict[str, list[float]] = defaultdict(list)
        self._loading: list[float] = []  # what steps took beyond the work that their manifests count
        self._earlier: dict[str, float] = {}

    def finished(self, step: str, seconds: float, manifest: Manifest | None, *, reused: bool) -> None:
        """Take note of a step that ended."""
        self._to_come[step] -= 1
        if reused:
            return
        if not self._took:
            self._earlier = self._seconds_of_earlier_runs()
        self._took[step].append(seconds)
        if manifest is not None:
            self._loading.append(seconds - manifest.metrics.get("seconds", 0.0))

    def seconds(self, step: str, elapsed: float, share: float) -> float | None:
        """Return the seconds that are left, if a share of the current step took so long; None if unknown."""
        to_come = +self._to_come
        expected = {name: self._expected(name) for name in to_come}
        if not self._took or step not in to_come or None in expected.values():
            return None
        all_of_them = sum(count * (expected[name] or 0.0) for name, count in to_come.items())
        whole = expected[step] or 0.0
        rest = elapsed / share * (1 - share) if share else max(whole - elapsed, 0.0)
        return all_of_them - whole + rest

    def _expected(self, name: str) -> float | None:
        if name in self._took:
            return fmean(self._took[name])
        if name in self._earlier:
            return self._earlier[name] + (fmean(self._loading) if self._loading else 0.0)
        return None

    def _seconds_of_earlier_runs(self) -> dict[str, float]:
        """Return what the newest folder of each step counts; the store is asked once in a run."""
        found = {}
        for name in list(self._to_come):
            try:
                place = storage.join(self._workspace, name)
                folders = [storage.join(place, each) for each in newest_names(place, FOLDERS)]
                manifests = [manifest for manifest in map(read_manifest_or_none, folders) if manifest is not None]
            except (InputError, UnavailableError):
                continue
            if manifests:
                newest = max(manifests, key=lambda manifest: manifest.written_at)
                found[name] = newest.metrics.get("seconds", 0.0)
        return found
