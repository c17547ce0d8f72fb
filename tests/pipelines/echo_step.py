"""A step for tests of the runner: says what it was given, reports it as its folder, and fails when told to."""

import json
import os
import sys
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
    """Take the first line off a file and die of it: an exit code, or a signal as a negative number."""
    first, *rest = fates.read_text().splitlines() or ["0"]
    fates.write_text("\n".join(rest))
    if int(first) < 0:
        os.kill(os.getpid(), -int(first))
    if int(first) > 0:
        sys.exit(int(first))


main()
