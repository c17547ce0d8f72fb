"""Let a question generator write questions from the bare user prefix, without seed data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from components.generate_questions.config import GenerateQuestionsConfig
from components.shared.engines import Completion, Request, Sampling, why_unanswered
from components.shared.engines.asking import Asking, Judgement, ask
from components.shared.filters import KEEP, Verdict
from components.shared.records import Question
from components.shared.seeds import derive_seed
from components.shared.workspace import Workspace
from components.shared.workspace.output_folders import OutputFolder
from components.shared.workspace.plans import Slice

SIZE = "num_questions"  # the same question k, with the same id, however many are asked for


class Blank(NamedTuple):
    """A requested question."""

    number: int
    id: str  # that it will have


def run(config: GenerateQuestionsConfig, workspace: Workspace) -> str:
    """Sample the questions; return the folder's address."""
    return ask(config, config.model, workspace, lambda: asking_for(config), slices_of(config), blanks)


def slices_of(config: GenerateQuestionsConfig) -> list[Slice]:
    """Cut the requested questions into parts."""
    starts = range(0, config.num_questions, config.rows_per_part)
    return [Slice(start=start, stop=min(start + config.rows_per_part, config.num_questions)) for start in starts]


def blanks(folder: OutputFolder, slice_: Slice) -> Iterator[Blank]:
    """Yield the questions that a slice asks for."""
    of_any_size = folder.claim.plan.fingerprint_without(SIZE)
    return (Blank(row, folder.row_id(row, of_any_size)) for row in range(slice_.start, slice_.stop))


def asking_for(config: GenerateQuestionsConfig) -> Asking[Blank]:
    """Say what the generator is asked, and what is made of its answers."""
    return Asking(
        record=Question,
        request=lambda blank: _request(blank.number, config),
        judge=lambda blank, completions: _judgement(blank.id, completions, config.generator),
        sampling=Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens),
        made_from="id",
        size=SIZE,
    )


def judge(question: str, completion: Completion) -> Verdict:
    """Return KEEP, or the reason why a sample is no question."""
    if (verdict := why_unanswered(completion)) != KEEP:
        return verdict
    return KEEP if question else Verdict("empty")


def _request(row: int, config: GenerateQuestionsConfig) -> Request[None]:
    """Ask with a seed of the row's own: the same question in any part, pod or order of work.

    Two generators do not share their random numbers: tuned on the same questions, they would write the same ones.

    vLLM's per-request seeds cost 2 to 3 %, less than two runs differ by: benchmarks/README.md, "Generation".
    """
    return Request(message="", seed=derive_seed(config.seed, "generate_questions", config.generator, row))


def _judgement(row_id: str, completions: Sequence[Completion], generator: str) -> Judgement:
    (completion,) = completions
    question = Question(
        id=row_id,
        question=completion.text.strip(),
        source=generator,
        finish_reason=completion.finish_reason,
        num_tokens=completion.num_tokens,
    )
    return Judgement(rows=[(question, judge(question.question, completion))])
