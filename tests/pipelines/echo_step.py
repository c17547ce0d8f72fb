"""A step for tests of the runner: says what it was given, reports it as its folder, and fails when told to."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    told = json.loads(sys.argv[sys.argv.index("--executor-input") + 1])
    options, outputs = told["inputs"]["parameterValues"], told["outputs"]
    sys.stderr.write(f"echo {json.dumps(options)}\n")
    if options["fates"]:
        meet_fate(Path(options["fates"]))
    if options["fail_with"]:
        sys.exit(options["fail_with"])
    text = f"{options['name']}({options['inputs']})"
    for path, content in (
        (outputs["parameters"]["folder"]["outputFile"], text),
        (outputs["outputFile"], json.dumps({"parameterValues": {"folder": text}})),
    ):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(content)


def meet_fate(fates: Path) -> None:
    """Take the first line off a file and meet it.

    An exit code; a signal as a negative number, to die of; "wait", for a signal; "hang", with a child, for any but
    SIGKILL. Who waits writes its number, and the child's, into a file beside.
    """
    first, *rest = fates.read_text().splitlines() or ["0"]
    fates.write_text("\n".join(rest))
    if first in ("wait", "hang"):
        wait(fates, hangs=first == "hang")
    if int(first) < 0:
        os.kill(os.getpid(), -int(first))
    if int(first) > 0:
        sys.exit(int(first))


def wait(fates: Path, hangs: bool) -> None:
    pids = [os.getpid()]
    if hangs:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pids.append(subprocess.Popen(["sleep", "600"]).pid)
    temporary = fates.with_suffix(".tmp")
    temporary.write_text(" ".join(map(str, pids)))
    temporary.rename(fates.with_suffix(".pids"))
    time.sleep(600)


main()
