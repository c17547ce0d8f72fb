"""What a training process is given: options, rows as token ids, and the paths of both and of the model."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import pyarrow as pa

from components.shared.config.training import TrainingConfig

ROWS_PER_BATCH = 1000  # of the file of examples
IGNORED = -100  # a label that takes no part in the loss, by PyTorch's convention

C = TypeVar("C", bound=TrainingConfig)


@dataclass(frozen=True, kw_only=True)
class TrainingJob(Generic[C]):
    """A training whose rows are token ids already; all paths are local."""

    config: C
    folder: str  # scratch: examples.arrow in, model/ and metrics.json out
    model: str  # the model to start from
    checkpoints_uri: str = ""
    end_tokens: tuple[str, ...] = ()  # that end a text of the trained model
    node: int = 0  # which of the machines that train this is
    checkpoint: str = ""  # name of the one to continue from
    resume_from: str = ""  # its local path
    seconds_before: float = 0.0  # seconds of training up to that checkpoint

    @property
    def examples_file(self) -> Path:
        """The rows as token ids, an Arrow stream that is read without loading it."""
        return Path(self.folder, "examples.arrow")

    @property
    def model_folder(self) -> Path:
        """Where the trained model is written."""
        return Path(self.folder, "model")

    @property
    def metrics_file(self) -> Path:
        """Where the training writes its figures."""
        return Path(self.folder, "metrics.json")

    @property
    def _arithmetic_file(self) -> Path:
        return Path(self.folder, "arithmetic.txt")

    def write(self) -> Path:
        """Write the job for the processes that read it."""
        path = Path(self.folder, "job.json")
        path.write_text(json.dumps(dataclasses.asdict(self)), encoding="utf-8")
        return path

    @classmethod
    def read(cls, path: str, config: type[C]) -> TrainingJob[C]:
        """Read a job whose config is of the given type."""
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        end_tokens = tuple(content.pop("end_tokens"))
        return cls(**content | {"config": config(**content["config"]), "end_tokens": end_tokens})

    def read_metrics(self) -> dict[str, float]:
        """Read the figures of the training."""
        metrics: dict[str, float] = json.loads(self.metrics_file.read_text(encoding="utf-8"))
        return metrics

    def write_metrics(self, metrics: Mapping[str, float]) -> None:
        """Write the figures of the training."""
        self.metrics_file.write_text(json.dumps(metrics), encoding="utf-8")

    def read_course(self) -> str:
        """Read how far the training is."""
        try:
            return self._course_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return "before its first step"

    def write_course(self, course: str) -> None:
        """Write how far the training is, for the step; one of the processes does it."""
        self._course_file.write_text(course, encoding="utf-8")

    @property
    def _course_file(self) -> Path:
        return Path(self.folder, "course.txt")

    def read_arithmetic(self) -> str:
        """Read the arithmetic of the training."""
        return self._arithmetic_file.read_text(encoding="utf-8")

    def write_arithmetic(self, arithmetic: str) -> None:
        """Write the arithmetic of the training."""
        self._arithmetic_file.write_text(arithmetic, encoding="utf-8")

    def write_failure(self, process: int, error: BaseException) -> None:
        """Write the error that ended one of several processes."""
        content = [type(error).__name__, str(error)]
        Path(self.folder, f"failure-{process}.json").write_text(json.dumps(content), encoding="utf-8")

    def read_failures(self) -> list[tuple[str, str]]:
        """Return kind and message of the errors that ended processes, as far as they could write them."""
        contents = [json.loads(path.read_text(encoding="utf-8")) for path in Path(self.folder).glob("failure-*.json")]
        return [(kind, message) for kind, message in contents]


def write_examples(path: Path, examples: Iterable[Mapping[str, Sequence[int]]], columns: Sequence[str]) -> int:
    """Write rows of token ids as an Arrow stream, never more than a batch in memory; return how many."""
    schema = pa.schema([pa.field(name, pa.list_(pa.int32())) for name in columns])
    total = 0
    batch: list[Mapping[str, Sequence[int]]] = []
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        for example in examples:
            batch.append(example)
            total += 1
            if len(batch) == ROWS_PER_BATCH:
                stream.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
                batch = []
        if batch:
            stream.write_batch(pa.RecordBatch.from_pylist(batch, schema=schema))
    return total
