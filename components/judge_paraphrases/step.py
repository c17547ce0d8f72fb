"""Ask a judge whether questions are a benchmark's in other words, where they share words with one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from components.judge_paraphrases.config import PROMPT, JudgeParaphrasesConfig
from components.judge_paraphrases.nearest import Nearest
from components.shared.engines import Completion, Request, Sampling, why_unanswered
from components.shared.engines.asking import Asking, Judgement, ask
from components.shared.filters import KEEP, Verdict
from components.shared.records import Question
from components.shared.seeds import derive_seed
from components.shared.texts.prompts import fill_prompt, load_prompt
from components.shared.workspace import Workspace
from components.shared.workspace.rows import Rows

PARAPHRASE = "paraphrase"
_VERDICT = re.compile(r"^\W*verdict\W*(yes|no)\b[^\d\n]{0,20}(\d{1,3})?", re.IGNORECASE | re.MULTILINE)


def run(config: JudgeParaphrasesConfig, workspace: Workspace) -> str:
    """Ask about each question that is near one of the benchmarks, greedily; return the folder's address."""
    questions = workspace.read(config.questions, Question)
    benchmarks = workspace.read(config.benchmarks, Question)
    return ask(
        config,
        config.model,
        workspace,
        lambda: _asking(config, benchmarks),
        questions.slices(config.rows_per_part),
        lambda _, slice_: questions.read(slice_),
        [questions, benchmarks],
    )


def judge(completion: Completion, nearest: Sequence[Question]) -> Verdict:
    """Return KEEP, or why a question is rejected after this reply about the benchmarks' nearest questions."""
    if (verdict := why_unanswered(completion, cut="cut_off")) != KEEP:
        return verdict
    found = _VERDICT.findall(completion.text)
    if not found:
        return Verdict("no_verdict")
    word, number = found[-1]
    if word.lower() == "no":
        return KEEP
    if not (number or len(nearest) == 1) or int(number or 1) not in range(1, len(nearest) + 1):
        return Verdict("no_verdict", f"Yes, and no number from 1 to {len(nearest)}")
    row = nearest[int(number or 1) - 1]
    return Verdict(PARAPHRASE, f"{row.source} {row.id}: {row.question}")


def _asking(config: JudgeParaphrasesConfig, benchmarks: Rows[Question]) -> Asking[Question]:
    prompt = load_prompt(PROMPT)
    index = Nearest(list(benchmarks), num_nearest=config.num_nearest, min_similarity=config.min_similarity)

    def request(question: Question) -> Request[None] | Judgement:
        if not (nearest := index.of(question.question)):
            return Judgement(rows=[(question, KEEP)], metrics={"not_asked": 1})
        problems = "\n\n".join(f"Problem {number}: {row.question}" for number, row in enumerate(nearest, start=1))
        message = fill_prompt(prompt, problems=problems, question=question.question)
        return Request(message=message, seed=derive_seed("judge_paraphrases", question.id))

    def judgement(question: Question, completions: Sequence[Completion]) -> Judgement:
        (completion,) = completions
        return Judgement(rows=[(question, judge(completion, index.of(question.question)))])

    return Asking(
        record=Question,
        request=request,
        judge=judgement,
        sampling=Sampling(temperature=0.0, max_tokens=config.max_tokens),
    )
