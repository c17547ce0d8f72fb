"""Checks that the workspace's store has the properties that a workspace needs, with the credentials of this process.

`scalequest doctor` asks it here, and `scalequest doctor --deep` in a pod as the run's account, which runs this module:
``python3 -m pipelines.cluster.bucket_checks gs://bucket/runs`` prints a finding a line, as JSON.
"""

from __future__ import annotations

import contextlib
import json
import sys
import uuid
from collections.abc import Iterator
from dataclasses import asdict

from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.stores import storage
from pipelines.cluster.findings import Finding


def check_is_shared(workspace: str) -> None:
    """Raise InputError for a workspace that pods do not share."""
    if not storage.is_remote(workspace):
        raise InputError(f"--workspace {workspace!r} is a directory, which pods do not share; use gs://… or s3://…")


def check_bucket(workspace: str) -> Iterator[Finding]:
    """Yield what ``probe_bucket`` does, and its errors as findings: they say what to do themselves."""
    try:
        yield from probe_bucket(workspace)
    except (InputError, UnavailableError) as error:
        yield Finding(False, f"workspace {workspace}: {error}")


def probe_bucket(workspace: str) -> Iterator[Finding]:
    """Yield whether a small object can be written once and not twice, read, listed and deleted again."""
    probe = storage.join(workspace, ".doctor", uuid.uuid4().hex)
    storage.create(probe, b"probe")
    yield Finding(True, f"workspace {workspace}: can be written")
    read = storage.read_bytes(probe) == b"probe"
    yield Finding(
        read, f"workspace {workspace}: can be read", "the content that was read differs from what was written"
    )
    yield _exclusive(probe, workspace)
    yield _deletable(probe, workspace)


def _exclusive(probe: str, workspace: str) -> Finding:
    with contextlib.suppress(FileExistsError):
        storage.create(probe, b"other")
        return Finding(
            False,
            f"workspace {workspace}: an existing object was overwritten",
            "this store does not honour preconditions (If-None-Match, generation 0): two pods would overwrite each "
            "other's parts; use another store",
        )
    return Finding(True, f"workspace {workspace}: an existing object is not overwritten")


def _deletable(probe: str, workspace: str) -> Finding:
    try:
        storage.delete_folder(probe)
    except InputError as error:
        remedy = f"runs work, but old checkpoints are kept and gc --delete fails ({error})"
        return Finding(None, f"workspace {workspace}: objects cannot be deleted", remedy)
    return Finding(True, f"workspace {workspace}: objects can be deleted")


def main(workspace: str) -> int:
    """Print what is found in a workspace, a line each; return the exit code."""
    missing = False
    for finding in check_bucket(workspace):
        sys.stdout.write(json.dumps(asdict(finding), ensure_ascii=False) + "\n")
        sys.stdout.flush()
        missing |= finding.passed is False
    return ExitCode.BAD_INPUT if missing else ExitCode.DONE


def read_findings(log: str) -> list[Finding]:
    """Return the findings that a log of ``main`` holds; its other lines are other people's."""
    findings = []
    for line in log.splitlines():
        with contextlib.suppress(ValueError, TypeError):
            findings.append(Finding(**json.loads(line)))
    return findings


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
