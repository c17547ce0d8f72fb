"""Solvability in stages against one long reply, by one judge, on planted faults: tokens a kept question, and F1.

New tokens are what the judge writes; those of prompts are counted whole, also what a cache has: the examples of a stage
are the same in each of its prompts.

``python -m benchmarks.quality.solvability`` asks the real small model, or ``--model openai:NAME --endpoint …``.
The set: 100 sound questions and 20 of each fault, made from ``planted_questions.yaml``.
"""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from benchmarks.quality.cases import row_of
from benchmarks.quality.small_model import WORKSPACE, add_model_options, asked_model
from components.filter_solvability.config import FilterSolvabilityConfig
from components.filter_solvability.step import run as filter_solvability
from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import run as import_questions
from components.shared.records import Question
from components.shared.seeds import derive_seed
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest

PLANTED = Path(__file__).with_name("planted_questions.yaml")
SOUND_PER_ENTRY = 5
DRAWS = 2_000
WAYS = ("one_reply", "stages")


@dataclass(frozen=True, kw_only=True)
class Planted:
    """A text, and the fault that it has; "" for none."""

    text: str
    fault: str


def planted() -> list[Planted]:
    """Return the set; the same on each call."""
    return [case for entry in yaml.safe_load(PLANTED.read_text(encoding="utf-8")) for case in _cases(entry)]


def _cases(entry: dict[str, str]) -> list[Planted]:
    sound = [Planted(text=_filled("{given} {asked}", entry, n), fault="") for n in range(SOUND_PER_ENTRY)]
    faulty = {
        "contradiction": "{given} {against} {asked}",
        "missing datum": "{lacking} {asked}",
        "two questions": "{given} {asked} {also}",
        "not a question": "{other}",
        "statement": "{given} {told}",
    }
    return sound + [Planted(text=_filled(form, entry, 0), fault=fault) for fault, form in faulty.items()]


def _filled(form: str, entry: dict[str, str], number: int) -> str:
    a, b = (3 + derive_seed("planted", entry["given"], number, name) % 40 for name in "ab")
    return form.format(**entry).format(a=a, b=b, c=a + b)


def f1(cases: Sequence[tuple[bool, bool]]) -> float:
    """Return F1 of the faulty texts, from pairs: whether a text is faulty, whether it was rejected."""
    found = sum(is_faulty and is_rejected for is_faulty, is_rejected in cases)
    wrong = sum(is_faulty != is_rejected for is_faulty, is_rejected in cases)
    return 2 * found / (2 * found + wrong) if found else 0.0


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return what lies between 2.5 and 97.5 % of the values."""
    ordered = sorted(values)
    return ordered[round(0.025 * (len(ordered) - 1))], ordered[round(0.975 * (len(ordered) - 1))]


def draws_of(number: int) -> list[list[int]]:
    """Return draws with replacement of the indices below ``number``, the same on each call."""
    return [[derive_seed("draw", draw, index) % number for index in range(number)] for draw in range(DRAWS)]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What one way of judging made of the set."""

    way: str
    cases: Sequence[tuple[bool, bool]]
    by_fault: Counter[str]  # rejected texts by fault
    metrics: dict[str, float]

    @property
    def num_rejected(self) -> int:
        return sum(is_rejected for _, is_rejected in self.cases)


def judge_all(way: str, model: Mapping[str, Any], questions: str, options: argparse.Namespace) -> Outcome:
    """Run the step on the set."""
    workspace = Workspace(WORKSPACE)
    config = FilterSolvabilityConfig(
        **model,
        questions=questions,
        judging=way,
        num_judgements=options.num_judgements,
        temperature=options.temperature,
        max_tokens=options.max_tokens,
    )
    folder = filter_solvability(config, workspace)
    kept = {row.question for row in workspace.read(folder, Question)}
    cases = planted()
    return Outcome(
        way=way,
        cases=[(bool(case.fault), case.text not in kept) for case in cases],
        by_fault=Counter(case.fault for case in cases if case.text not in kept),
        metrics=read_manifest(folder).metrics,
    )


def import_planted() -> str:
    """Import the set; return its folder."""
    with tempfile.TemporaryDirectory(prefix="scalequest-") as scratch:
        path = Path(scratch) / "planted.jsonl"
        path.write_text("".join(json.dumps({"question": case.text}) + "\n" for case in planted()), encoding="utf-8")
        config = ImportQuestionsConfig(workspace=WORKSPACE, source=str(path), answer_column="none")
        return import_questions(config, Workspace(WORKSPACE))


def table_of(outcomes: Sequence[Outcome]) -> list[str]:
    """Return lines: what each way costs and finds, each interval and that of the difference over the same draws."""
    draws = draws_of(len(outcomes[0].cases))
    scores = [[f1([each.cases[index] for index in draw]) for draw in draws] for each in outcomes]
    names = ("judging", "judgements", "new tokens", "a kept question", "prompt tokens", "a kept question", "rejected")
    lines = [row_of([*names, "F1 of faulty texts", "95 %", "luck"]), row_of(["---"] * (len(names) + 3))]
    for each, drawn in zip(outcomes, scores, strict=True):
        low, high = interval(drawn)
        by_luck = each.num_rejected / (each.num_rejected + sum(is_faulty for is_faulty, _ in each.cases))
        rejected = f"{each.num_rejected} of {len(each.cases)}"
        cost = (*_tokens(each.metrics, "judge_tokens"), *_tokens(each.metrics, "prompt_tokens"), rejected)
        score = (f"{f1(each.cases):.3f}", f"{low:.3f} to {high:.3f}", f"{by_luck:.3f}")
        lines.append(row_of([each.way, f"{each.metrics['judgements']:.0f}", *cost, *score]))
    low, high = interval([two - one for one, two in zip(*scores, strict=True)])
    verdict = "better" if low > 0 else "worse" if high < 0 else "may be luck"
    return [*lines, "", f"F1 of {outcomes[1].way} less {outcomes[0].way}: {low:+.3f} to {high:+.3f} (95 %), {verdict}"]


def _tokens(metrics: Mapping[str, float], name: str) -> tuple[str, str]:
    """Return how many tokens all judgements took, and for each question that was kept."""
    return f"{metrics[name]:,.0f}", f"{metrics.get(f'{name}_per_kept_question', math.nan):,.1f}"


def faults_of(outcomes: Sequence[Outcome]) -> list[str]:
    """Return lines: how many texts of each fault each way rejects."""
    lines = [row_of(["rejected, of", *(each.way for each in outcomes)]), row_of(["---"] * (len(outcomes) + 1))]
    for fault, number in Counter(case.fault for case in planted()).items():
        lines.append(row_of([f"{fault or 'sound'}, {number}", *(str(each.by_fault[fault]) for each in outcomes)]))
    return lines


def main() -> None:
    """Run both ways and print their table."""
    logging.basicConfig(level=logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__)
    add_model_options(parser)
    parser.add_argument("--num-judgements", type=int, default=1)
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--max-tokens", type=int, default=160, help="new tokens a judgement; as in the preset laptop")
    options = parser.parse_args()
    model, questions = asked_model(options), import_planted()
    outcomes = [judge_all(way, model, questions, options) for way in WAYS]
    sys.stdout.write("\n".join([*table_of(outcomes), "", *faults_of(outcomes)]) + "\n")


if __name__ == "__main__":
    main()
