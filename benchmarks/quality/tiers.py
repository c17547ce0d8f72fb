"""How often an answer is right, by its tier: ``python -m benchmarks.quality.tiers``.

The real small model answers sums of reasoning-gym, whose answers are known but kept back; what its samples agree on
is compared with them afterwards. Beside the tiers, each question's first sample (the published way has no other
knowledge than a reward model's). With half of the questions the answer comes along: those are verified, or constructed.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality.cases import row_of, share_of
from benchmarks.quality.small_model import WORKSPACE, add_model_options, asked_model
from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run as generate_responses
from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.source import SourceRow
from components.import_questions.step import open_source
from components.import_questions.step import run as import_questions
from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import run as package_dataset
from components.select_responses.config import SelectResponsesConfig
from components.select_responses.step import run as select_responses
from components.shared.publishing.tiers import rank_of
from components.shared.records import Example, Response
from components.shared.texts.math_answers import AnswerChecker
from components.shared.workspace import Workspace

SOURCE = "reasoning-gym:chain_sum?min_terms=2&max_terms=2&min_digits=1&max_digits=1"
NUM_QUESTIONS, NUM_SAMPLES, MAX_TOKENS, SEED = 60, 5, 96, 15
NUM_EXAMPLES = 3  # so small a model boxes its answer only after it has seen it done


def main() -> None:
    """Answer the questions, package what agrees, compare with the answers, and print the table."""
    logging.basicConfig(level=logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_model_options(parser)
    parser.add_argument("--num-questions", type=int, default=NUM_QUESTIONS)
    options = parser.parse_args()
    known = known_questions(options.num_questions)
    responses, dataset = made_dataset(known, options)
    workspace = Workspace(WORKSPACE)
    answers = {row.question: row.answer for row in known}
    first = [row for row in workspace.read(responses, Response) if row.sample == 0]
    groups: defaultdict[str, list[Response | Example]] = defaultdict(list, {"first sample": [*first]})
    for row in workspace.read(dataset, Example):
        groups[row.tier].append(row)
    tiers = sorted(groups.keys() - {"first sample"}, key=rank_of)
    lines = [row_of(["tier", "right"]), row_of(["---"] * 2)]
    lines += [row_of([name, share_of(are_right(groups[name], answers))]) for name in (*tiers, "first sample")]
    sys.stdout.write("\n".join(lines) + "\n")


def known_questions(number: int) -> list[SourceRow]:
    """Return sums with their answers; the same on each call."""
    config = ImportQuestionsConfig(workspace="unused", source=SOURCE, num_questions=number, seed=SEED)
    return list(open_source(config, config.workspace).rows())


def made_dataset(known: Sequence[SourceRow], options: argparse.Namespace) -> tuple[str, str]:
    """Answer the questions, every second one with its answer; return the folders of the responses and the dataset."""
    workspace = Workspace(WORKSPACE)
    with tempfile.TemporaryDirectory(prefix="scalequest-") as scratch:
        path = Path(scratch) / "sums.jsonl"
        rows = ({"question": row.question, "answer": row.answer * (n % 2)} for n, row in enumerate(known))
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        questions = import_questions(ImportQuestionsConfig(workspace=WORKSPACE, source=str(path)), workspace)
    responses = generate_responses(
        GenerateResponsesConfig(
            **asked_model(options),
            questions=questions,
            num_samples=NUM_SAMPLES,
            num_examples=NUM_EXAMPLES,
            max_tokens=MAX_TOKENS,
            seed=SEED,
        ),
        workspace,
    )
    selected = select_responses(
        SelectResponsesConfig(workspace=WORKSPACE, responses=responses, by="agreement", keep_all_wrong=True), workspace
    )
    return responses, package_dataset(PackageDatasetConfig(workspace=WORKSPACE, responses=selected), workspace)


def are_right(rows: Sequence[Response | Example], answers: dict[str, str]) -> list[bool]:
    """Return of each row whether its final answer is the one that was kept back."""
    with AnswerChecker() as checker:
        return list(checker.equal((answers[row.question], row.final_answer) for row in rows))


if __name__ == "__main__":
    main()
