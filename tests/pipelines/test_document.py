from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest

from components.shared.config import StepConfig, option
from pipelines import document
from pipelines.document import documented, options_table, steps_table
from tests.source_tree import ROOT, STEPS


@dataclass(frozen=True, kw_only=True)
class SampleConfig(StepConfig):
    """Sample rows."""

    rows: str = option(help="what is read", is_folder=True)
    mode: str = option("fast", help="how", choices=("fast", "exact"))
    share: float = option(0.5, help="share of the rows", affects_output=False, minimum=0, maximum=1)
    title: str = option("", help="any text")


def test_every_readme_is_up_to_date() -> None:
    stale = [path.parent.name for path, text in documented() if path.read_text(encoding="utf-8") != text]
    assert stale == [], "run: python -m pipelines.document"


def test_the_check_passes_as_a_command() -> None:
    command = [sys.executable, "-m", "pipelines.document", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_option_is_told_with_its_default_what_it_accepts_and_what_becomes_of_it() -> None:
    of_all_steps = ("| `--gates`", "| `--max-gpu-hours`")
    lines = [line for line in options_table(SampleConfig).splitlines()[2:] if not line.startswith(of_all_steps)]
    assert lines == [
        "| `--workspace`*† | required | | the workspace: gs://…, s3://… or a directory |",
        "| `--rows`* | required | | what is read |",
        "| `--mode` | `fast` | `fast`, `exact` | how |",
        "| `--share`† | `0.5` | 0 to 1 | share of the rows |",
        "| `--title` | | | any text |",
    ]


def test_the_table_of_steps_keeps_what_is_written_by_hand_and_makes_image_and_link_anew() -> None:
    standing = [
        *document.STEPS_HEAD,
        "| [deduplicate](elsewhere.md) | vllm | this | that | ours |",
        "| [gone](x) | | | | |",
    ]
    first, *others = steps_table("\n".join(standing)).splitlines()[2:]
    assert first == "| [deduplicate](deduplicate/README.md) | cpu | this | that | ours |"
    assert len(others) == len(STEPS) - 1


def test_a_new_step_gets_a_row_with_what_its_own_readme_says() -> None:
    row = next(line for line in steps_table("\n".join(document.STEPS_HEAD)).splitlines() if "[filter_language]" in line)
    assert row.startswith("| [filter_language](filter_language/README.md) | cpu | questions | questions, rejects | ")


def test_a_stale_readme_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(document, "documented", lambda: [(ROOT / "components/README.md", "another text")])
    assert document.write_or_check(check=True) == 1
    assert capsys.readouterr().err == "components/README.md is not up to date; run: python -m pipelines.document\n"
