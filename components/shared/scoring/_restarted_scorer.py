"""A scorer that is reopened when it dies; a text that does not fit into memory counts as one that it died of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from components.shared.errors import EngineDiedError
from components.shared.restarted import PROBE, Restarted
from components.shared.scoring import OUT_OF_MEMORY, K, Score, Scorer, Text
from components.shared.workspace.output_folders import KILLED_THE_ENGINE, RowKey, T


class RestartedScorer(Restarted[Scorer, Text[RowKey[T]], Score[RowKey[T]]]):
    """One scorer after another."""

    kind = "scorer"

    def _work(self, model: Scorer, requests: Iterable[Text[RowKey[T]]]) -> Iterator[Score[RowKey[T]]]:
        return model.score(requests)

    def _probe(self, model: Scorer) -> None:
        probe: Text[None] = Text(key=None, text=PROBE)
        for score in model.score([probe]):
            if failure := self._failure(score):
                raise EngineDiedError(failure)

    def _give_up(self, request: Text[RowKey[T]], detail: str) -> Score[RowKey[T]]:
        return Score(key=request.key, num_tokens=0, value=None, reason=KILLED_THE_ENGINE, detail=detail)

    def _failure(self, answer: Score[K]) -> str:
        return answer.detail if answer.reason == OUT_OF_MEMORY else ""
