"""A scorer that is opened again where it dies; a text that its memory does not hold is as one that it died of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from components.shared.errors import EngineDiedError
from components.shared.restarted import PROBE, Restarted
from components.shared.scoring import OUT_OF_MEMORY, Score, Scorer, Text
from components.shared.workspace.output_folders import KILLED_THE_ENGINE


class RestartedScorer(Restarted[Scorer, Text, Score]):
    """One scorer after another."""

    kind = "scorer"

    def _work(self, model: Scorer, requests: Iterable[Text]) -> Iterator[Score]:
        return model.score(requests)

    def _probe(self, model: Scorer) -> None:
        for score in model.score([Text(key=None, text=PROBE)]):
            if failure := self._failure(score):
                raise EngineDiedError(failure)

    def _give_up(self, request: Text, detail: str) -> Score:
        return Score(key=request.key, num_tokens=0, value=None, reason=KILLED_THE_ENGINE, detail=detail)

    def _failure(self, answer: Score) -> str:
        return answer.detail if answer.reason == OUT_OF_MEMORY else ""
