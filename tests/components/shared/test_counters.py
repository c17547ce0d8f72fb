"""What steps send to a collector: what their manifests say, once, and nothing unless it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from components.shared import counters
from components.shared.errors import UnavailableError
from components.shared.stores.retries import until_answered
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.shared.otlp_receiver import Receiver, receiving
from tests.conftest import WriteRows
from tests.source_tree import ROOT

ENGLISH, GERMAN = "How many apples are left in the basket?", "Wie viele Äpfel bleiben in dem Korb übrig?"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A collector."""
    with receiving() as found:
        yield found


def run(step: str, *options: str, **environment: str) -> tuple[str, str]:
    """Run a step to its good end in a process of its own; return the folder's address and the log."""
    command = [sys.executable, "-m", f"components.{step}", *options]
    others = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(command, cwd=ROOT, env=others | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


def filtered(workspace: Workspace, write_questions: WriteRows) -> tuple[str, ...]:
    """Return the options of a step that keeps two questions and rejects one."""
    questions = write_questions(workspace, [ENGLISH, GERMAN, f"{ENGLISH} And tomorrow?"])
    return "--workspace", workspace.uri, "--questions", questions, "--rows-per-part", "1"


def test_what_a_step_sends_is_what_its_manifest_says(
    receiver: Receiver, workspace: Workspace, write_questions: WriteRows
) -> None:
    folder, _ = run(
        "filter_language", *filtered(workspace, write_questions), OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint
    )
    manifest = read_manifest(folder)
    assert receiver.services == {"scalequest"}
    assert receiver.total("scalequest.rows.in", step="filter_language") == manifest.rows_in == 3
    assert receiver.total("scalequest.rows.out") == manifest.rows_out == 2
    assert receiver.total("scalequest.rows.rejected", reason="non_english") == manifest.rejected["non_english"] == 1
    assert receiver.total("scalequest.work") == pytest.approx(manifest.metrics["seconds"], abs=1e-4)
    assert {series.unit for series in receiver.values if series.name == "scalequest.work"} == {"s"}


def test_tokens_are_counted_by_direction(receiver: Receiver, workspace: Workspace, write_questions: WriteRows) -> None:
    questions = write_questions(workspace, [ENGLISH])
    options = ("--workspace", workspace.uri, "--questions", questions, "--model", "scripted:solver")
    asked = ("--engine", "scripted", "--chat-template", "chatml")
    folder, _ = run(
        "generate_responses", *options, *asked, OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"{receiver.endpoint}/v1/metrics"
    )
    metrics = read_manifest(folder).metrics
    assert receiver.total("scalequest.tokens", direction="written") == metrics["output_tokens"] > 0
    assert receiver.total("scalequest.tokens", direction="read") == metrics["prompt_tokens"] > 0
    assert {series.get("step") for series in receiver.values} == {"generate_responses"}


def test_a_folder_that_stood_finished_is_not_counted_again(
    receiver: Receiver, workspace: Workspace, write_questions: WriteRows
) -> None:
    options = filtered(workspace, write_questions)
    run("filter_language", *options)
    run("filter_language", *options, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint)
    assert receiver.values == {}


@pytest.mark.parametrize("off", [{"OTEL_SDK_DISABLED": "true"}, {"OTEL_METRICS_EXPORTER": "none"}])
def test_nothing_is_sent_where_it_is_turned_off(
    off: dict[str, str], receiver: Receiver, workspace: Workspace, write_questions: WriteRows
) -> None:
    run(
        "filter_language",
        *filtered(workspace, write_questions),
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
        **off,
    )
    assert receiver.requests == 0


def test_without_otel_variables_no_part_of_it_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    assert not counters.is_asked_for()
    code = (
        "import sys; from components.shared import counters\n"
        "with counters.sent_for('x'): counters.count_retry('store')\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).strip() == "[]"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, "127.0.0.1"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
         "no metrics are sent: the protocol 'grpc' is not known; expected http/protobuf"),
    ],
)  # fmt: skip
def test_a_collector_that_cannot_be_reached_fails_no_step_and_holds_it_up_for_seconds_at_most(
    environment: dict[str, str], said: str, workspace: Workspace, write_questions: WriteRows
) -> None:
    options = filtered(workspace, write_questions)
    started = time.monotonic()
    folder, log = run("filter_language", *options, **environment)
    assert read_manifest(folder).rows_out == 2
    assert said in log
    assert time.monotonic() - started < 60


def test_retries_are_counted_by_whom_was_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=ours,k8s.namespace.name=team-a")

    def fail() -> None:
        raise TimeoutError

    with counters.sent_for("deduplicate"), pytest.raises(UnavailableError):
        until_answered("reading", fail, seconds=0, min_tries=3)
    assert receiver.services == {"ours"}
    assert receiver.total("scalequest.retries", step="deduplicate", whom="store") == 2
