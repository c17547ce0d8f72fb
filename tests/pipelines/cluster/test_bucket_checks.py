import subprocess
import sys

from pipelines.cluster.bucket_checks import check_bucket, read_findings
from tests.source_tree import ROOT
from tests.stores import READER, Store


def run_in_a_pod(store: Store, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipelines.cluster.bucket_checks", store.uri]
    environment = {"PYTHONPATH": str(ROOT), **store.environment, **changes}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_pod_prints_what_is_found_here(remote_store: Store) -> None:
    ended = run_in_a_pod(remote_store)
    assert ended.returncode == 0
    assert read_findings(f"a warning\n{ended.stdout}") == list(check_bucket(remote_store.uri))


def test_a_pod_that_may_only_read_ends_with_2(s3_store: Store) -> None:
    ended = run_in_a_pod(s3_store, **READER)
    assert ended.returncode == 2
    (finding,) = read_findings(ended.stdout)
    assert finding.passed is False
    assert "access denied" in finding.text


def test_lines_of_a_log_that_are_no_findings_are_left_out() -> None:
    assert read_findings('WARNING: slow\n{"level": "info"}\n[1]\n3\n"text"\n') == []
