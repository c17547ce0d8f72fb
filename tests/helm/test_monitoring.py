"""Dashboard and rules: what the chart makes of them, and whether a real Prometheus answers each of their queries."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from components.shared import counters
from components.shared.errors import UnavailableError
from components.shared.stores.retries import until_answered
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.shared.otlp_receiver import Receiver, receiving
from tests.components.shared.test_counters import ENGLISH, GERMAN, run
from tests.conftest import _write_questions
from tests.helm.objects import find_one
from tests.manifests.tools import CHART, Objects
from tests.stores import free_ports

SECONDS = 60.0  # for what takes a few, on a busy machine
RANGES = {"$__range": "1h", "$__rate_interval": "1m"}  # what Grafana puts in their place

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="prometheus and promtool are not installed (Debian: apt-get install prometheus)",
)


def dashboard_of(objects: Objects) -> Any:
    """Return the dashboard that the chart makes."""
    return json.loads(find_one(objects, "ConfigMap", "scalequest-dashboard")["data"]["scalequest.json"])


def queries_of(dashboard: Any) -> dict[str, str]:
    """Return the query of each panel by its title, for a Prometheus without Grafana."""
    queries = {panel["title"]: target["expr"] for panel in dashboard["panels"] for target in panel["targets"]}
    for name, text in RANGES.items():
        queries = {title: query.replace(name, text) for title, query in queries.items()}
    return queries


def test_dashboard_and_rules_are_made_only_where_they_are_wanted_with_the_labels_that_are_given(
    rendered: dict[str, Objects],
) -> None:
    kinds = {(document["kind"], document["metadata"]["name"]) for document in rendered["gke"]}
    assert not {("ConfigMap", "scalequest-dashboard"), ("PrometheusRule", "scalequest")} & kinds
    labels = find_one(rendered["everything"], "ConfigMap", "scalequest-dashboard")["metadata"]["labels"]
    assert labels["grafana_dashboard"] == "1"
    rules = find_one(rendered["everything"], "PrometheusRule")
    assert rules["metadata"]["labels"]["release"] == "prometheus"
    assert rules["spec"] == yaml.safe_load((CHART / "files/monitoring/rules.yaml").read_text(encoding="utf-8"))


def test_every_series_that_is_asked_for_is_one_that_steps_send(rendered: dict[str, Objects]) -> None:
    sent = {each.name.replace(".", "_") + {"s": "_seconds"}.get(each.unit, "") + "_total" for each in counters.COUNTERS}
    asked = set()
    rules = find_one(rendered["everything"], "PrometheusRule")["spec"]["groups"][0]["rules"]
    for query in [*queries_of(dashboard_of(rendered["everything"])).values(), *(rule["expr"] for rule in rules)]:
        asked |= {word for word in _words(query) if word.startswith("scalequest_")}
    assert asked == sent
    recorded = {rule["record"] for rule in rules if "record" in rule}
    assert {word for rule in rules for word in _words(rule["expr"]) if word.startswith("scalequest:")} <= recorded


def _words(query: str) -> list[str]:
    return "".join(c if c.isalnum() or c in "_:" else " " for c in query).split()


@needs_prometheus
def test_a_prometheus_that_scraped_steps_answers_every_query_with_what_their_manifests_say(
    rendered: dict[str, Objects], tmp_path: Path
) -> None:
    objects = rendered["everything"]
    rules = find_one(objects, "PrometheusRule")["spec"]
    with receiving() as receiver, scraping(receiver, rules, tmp_path) as ask:
        filtered, answered = _run_steps(receiver, Workspace(str(tmp_path / "workspace")))
        results = {title: _until_known(ask, query) for title, query in queries_of(dashboard_of(objects)).items()}
        for rule in rules["groups"][0]["rules"]:
            if "record" in rule:
                _until_known(ask, rule["record"])
            else:
                ask(rule["expr"])  # answered with nothing: nothing is wrong
    assert results["Rows by step"][("filter_language",)] == read_manifest(filtered).rows_out == 1
    assert results["Rejected by reason"][("non_english", "filter_language")] == 1
    assert results["Share rejected"][("filter_language",)] == 0.5
    assert {labels[0] for labels in results["Tokens"]} == {"read", "written"}
    assert read_manifest(answered).metrics["output_tokens"] == receiver.total("scalequest.tokens", direction="written")


def _run_steps(receiver: Receiver, workspace: Workspace) -> tuple[str, str]:
    """Have a filter, and a step that asks a model, send what they count; and a store that is away."""
    questions = _write_questions(workspace, [ENGLISH, GERMAN])
    options = ("--workspace", workspace.uri, "--questions")
    sending = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    filtered, _ = run("filter_language", *options, questions, **sending)
    engine = ("--model", "scripted:solver", "--engine", "scripted", "--chat-template", "chatml")
    answered, _ = run("generate_responses", *options, filtered, *engine, **sending)

    def fail() -> None:
        raise TimeoutError

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        with counters.sent_for("deduplicate"), pytest.raises(UnavailableError):
            until_answered("reading", fail, seconds=0, min_tries=2)
        with counters.sent_for("train_sft"):  # as where it has GPUs
            counters.count_work(rows_in=4, rows_out=4, rejected={}, figures={"accelerator_seconds": 8.0})
    return filtered, answered


class scraping:  # noqa: N801 - used as a function
    """A Prometheus with these rules that scrapes a receiver each second; yields what asks it."""

    def __init__(self, receiver: Receiver, rules: Any, folder: Path) -> None:
        (port,) = free_ports(1)
        self._url = f"http://127.0.0.1:{port}"
        (folder / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
        target = {"targets": [receiver.endpoint.removeprefix("http://")]}
        scrape = {"job_name": "collector", "honor_labels": True, "static_configs": [target]}
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(folder / "rules.yaml")],
            "scrape_configs": [scrape],
        }
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self._command = [
            "prometheus",
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        self._log = folder / "prometheus.log"

    def __enter__(self) -> Callable[[str], dict[tuple[str, ...], float]]:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        deadline = time.monotonic() + SECONDS
        while not self._is_ready():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.1)
        return self._ask

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(SECONDS)

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"{self._url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def _ask(self, query: str) -> dict[tuple[str, ...], float]:
        """Return a query's values by their labels' values, in the order of the labels' names."""
        with urlopen(f"{self._url}/api/v1/query?{urlencode({'query': query})}", timeout=SECONDS) as answer:
            told = json.load(answer)
        assert told["status"] == "success", told
        return dict(map(_labelled, told["data"]["result"]))


def _labelled(result: Any) -> tuple[tuple[str, ...], float]:
    labels = {name: text for name, text in result["metric"].items() if name != "__name__"}
    return tuple(labels[name] for name in sorted(labels)), float(result["value"][1])


def _until_known(ask: Callable[[str], dict[tuple[str, ...], float]], query: str) -> dict[tuple[str, ...], float]:
    """Return the answer, as soon as there is one: rates need two scrapes."""
    deadline = time.monotonic() + SECONDS
    while not (found := ask(query)):
        assert time.monotonic() < deadline, query
        time.sleep(0.5)
    return found


ALERTS = """
rule_files: [rules.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'scalequest_rows_in_total{step="filter_solvability"}', values: '0+100x60'}
      - {series: 'scalequest_rows_rejected_total{step="filter_solvability", reason="not_solvable"}', values: '0+99x60'}
      - {series: 'scalequest_rows_in_total{step="filter_language"}', values: '0+100x60'}
      - {series: 'scalequest_rows_rejected_total{step="filter_language", reason="non_english"}', values: '0+10x60'}
    alert_rule_test:
      - eval_time: 50m
        alertname: ScaleQuestRejectsNearlyAll
        exp_alerts: [{exp_labels: {severity: warning, step: filter_solvability}, exp_annotations: REJECTS}]
  - interval: 1m
    input_series:
      - {series: 'scalequest_work_seconds_total{step="stuck", instance="a"}', values: '60+0x180'}
      - {series: 'scalequest_work_seconds_total{step="busy", instance="b"}', values: '60+60x180'}
      - {series: 'scalequest_work_seconds_total{step="ended", instance="c"}', values: '60+60x60'}
    alert_rule_test:
      - eval_time: 150m
        alertname: ScaleQuestStandsStill
        exp_alerts: [{exp_labels: {severity: warning, step: stuck}, exp_annotations: STILL}]
  - interval: 1m
    input_series:
      - {series: 'scalequest_retries_total{step="deduplicate", whom="store"}', values: '0+60x60'}
      - {series: 'scalequest_retries_total{step="deduplicate", whom="endpoint"}', values: '0+1x60'}
    alert_rule_test:
      - eval_time: 40m
        alertname: ScaleQuestRetriesOften
        exp_alerts: [{exp_labels: {severity: warning, whom: store}, exp_annotations: RETRIES}]
"""


@needs_prometheus
def test_alerts_come_where_something_is_wrong_and_only_there(rendered: dict[str, Objects], tmp_path: Path) -> None:
    rules = find_one(rendered["everything"], "PrometheusRule")["spec"]
    annotations = {rule["alert"]: rule["annotations"] for rule in rules["groups"][0]["rules"] if "alert" in rule}
    shown = {
        "REJECTS": _shown(annotations["ScaleQuestRejectsNearlyAll"], step="filter_solvability", value="99%"),
        "STILL": _shown(annotations["ScaleQuestStandsStill"], step="stuck"),
        "RETRIES": _shown(annotations["ScaleQuestRetriesOften"], whom="store", value="1"),
    }
    text = ALERTS
    for name, told in shown.items():
        text = text.replace(name, json.dumps(told))
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    (tmp_path / "alerts.yaml").write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["promtool", "test", "rules", "alerts.yaml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _shown(annotations: dict[str, str], *, value: str = "", **labels: str) -> dict[str, str]:
    """Return annotations as Prometheus fills them in."""
    for name, label in labels.items():
        annotations = {key: text.replace(f"{{{{ $labels.{name} }}}}", label) for key, text in annotations.items()}
    for form in ("humanizePercentage", "humanize"):
        annotations = {key: text.replace(f"{{{{ $value | {form} }}}}", value) for key, text in annotations.items()}
    return annotations
