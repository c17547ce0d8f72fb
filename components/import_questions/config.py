"""The options of import_questions."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

from components.import_questions.benchmarks import benchmark_of, benchmarks
from components.shared.addresses import parse_address
from components.shared.config import StepConfig, flag_of, option
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.config.gates import OF_QUESTIONS, OF_ROWS
from components.shared.errors import InputError

# What a benchmark settles by itself.
OF_FILES = (
    "question_column",
    "answer_column",
    "response_column",
    "answer_marker",
    "subject_column",
    "level_column",
    "keep_columns",
    "keep_repeated",
    "name",
    "max_chars",
)

OF_GENERATORS, OF_DATASETS = "worked_solution", "response"  # the responses that are no column of a file


@dataclass(frozen=True, kw_only=True)
class ImportQuestionsConfig(StepConfig):
    """Read questions from a file, a benchmark or generators, or responses; reject empty, long and repeated ones."""

    VERSION: ClassVar = 10  # 9 took "triangle QED" for no answer and "Q.E.D." for one
    WATCHED: ClassVar = (*OF_ROWS, *OF_QUESTIONS)
    ARTIFACTS: ClassVar = artifacts(
        questions=Artifact(
            kind="Dataset", title="Questions", description="questions or responses from elsewhere, as rows"
        ),
    )

    source: str = option(
        help=".jsonl, .json, .csv, .tsv or .parquet, also compressed, at gs://…, s3://… or a path; a pattern of "
        "several (folder/*.jsonl); a folder that datasets saved; hf://datasets/org/name@revision/path/in/repo; "
        f"reasoning-gym:generator,generator?setting=number,…; benchmark:NAME ({', '.join(benchmarks())}); or, with "
        "--response-column, a finished dataset",
        is_folder=True,
    )
    benchmark_uri: str = option(
        "", help="another place of the benchmark's file, such as a mirror; with the same columns", is_folder=True
    )
    question_column: str = option(
        "question",
        help="column of the question; of a conversation, the user's first turn; several are joined: Body+Question",
    )
    answer_column: str = option(
        "answer",
        help='column of the answer, or a field such as reward_model.ground_truth; "none" if answers are not known',
    )
    response_column: str = option(
        "",
        help="column of a response to each question, to train a solver on: the rows are responses then; "
        f"{OF_GENERATORS} for generators, {OF_DATASETS} for a dataset",
    )
    answer_marker: str = option("####", help="the final answer follows the last occurrence of this text; as in GSM8K")
    subject_column: str = option(
        "", help="column of the subject, if there is one; evaluate reports figures for each subject"
    )
    level_column: str = option("", help="column of the level, if there is one; evaluate reports figures for each level")
    keep_columns: bool = option(
        False, help="keep the other columns of the file, such as an id, as a JSON object in the column metadata"
    )
    keep_repeated: bool = option(
        False, help="keep questions that repeat an earlier one, each with its own id and columns; otherwise reject them"
    )
    name: str = option("", help="value of the column source; by default the name of the file, repository or generator")
    num_questions: int = option(
        0,
        help="the first questions of a file, at most this many, 0 for all; from generators, exactly this many",
        minimum=0,
    )
    max_chars: int = option(2000, help="maximum length of a question in characters", minimum=1)
    seed: int = option(0, help="seed of the generators", is_wired=True)
    rows_per_part: int = option(1024, help="rows per part", affects_output=False, minimum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        benchmark = benchmark_of(self.source)
        for uri in (self.source, self.benchmark_uri):
            if uri.startswith("hf://"):
                parse_address(uri, "dataset")
        if self.benchmark_uri and benchmark is None:
            raise InputError(
                f"--benchmark-uri {self.benchmark_uri!r} is the place of a benchmark's file, but --source "
                f"{self.source!r} is no benchmark; expected --source benchmark:NAME with it"
            )
        defaults = {field.name: field.default for field in dataclasses.fields(self)}
        given = [flag_of(name) for name in OF_FILES if getattr(self, name) != defaults[name]]
        if benchmark is not None and given:
            raise InputError(
                f"{', '.join(given)} cannot be set with --source {self.source}: a benchmark has its own columns and "
                "all of its rows; to read it otherwise, give its file as --source"
            )
