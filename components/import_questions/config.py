"""The options of import_questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.addresses import parse_address
from components.shared.config import StepConfig, option


@dataclass(frozen=True, kw_only=True)
class ImportQuestionsConfig(StepConfig):
    """Read questions from a file or from generators; reject empty, too long and repeated ones."""

    VERSION: ClassVar = 2  # 1 stored whole solutions and NaN as known answers

    source: str = option(
        help=".jsonl, .json, .csv or .parquet at gs://…, s3://… or a path; "
        "hf://datasets/org/name@revision/path/in/repo; or reasoning-gym:generator,generator?setting=number,…",
        is_folder=True,
    )
    question_column: str = option("question", help="column of the question")
    answer_column: str = option("answer", help='column of the answer; "none" if answers are not known')
    answer_marker: str = option("####", help="the final answer follows the last occurrence of this text; as in GSM8K")
    name: str = option("", help="value of the column source; by default the name of the file, repository or generator")
    num_questions: int = option(
        0, help="from a file, at most this many, from the start, 0 for all; from generators, this many", minimum=0
    )
    max_chars: int = option(2000, help="maximum length of a question in characters", minimum=1)
    seed: int = option(0, help="seed of the generators", is_wired=True)
    rows_per_part: int = option(1024, help="rows a part", affects_output=False, minimum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.source.startswith("hf://"):
            parse_address(self.source, "dataset")
