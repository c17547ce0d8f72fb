"""Writes the table of values into README.md, from values.yaml: ``python -m helm.document [--check]``."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).resolve().parent
START, END = "<!-- values: python -m helm.document -->", "<!-- end of values -->"
_KEY = re.compile(r"^(?P<indent> *)(?P<key>[A-Za-z]+):")
_COMMENT = re.compile(r"^ *# ?(?P<text>.*)$")


def documented_values(text: str) -> Iterator[tuple[str, str]]:
    """Yield each value's path and what its comment says; "" where ``# --`` is missing.

    A comment belongs to the key below it and begins with ``# --``; an object's keys speak for themselves.
    """
    path: list[str] = []
    comment = ""
    for line in text.splitlines():
        if note := _COMMENT.match(line):
            words = note["text"]
            starts = words.startswith("-- ")
            comment = words[3:] if starts else f"{comment} {words}" if comment else ""
        elif found := _KEY.match(line):
            path = [*path[: len(found["indent"]) // 2], found["key"]]
            if line.split("#")[0].rstrip() != f"{found['indent']}{found['key']}:":
                yield ".".join(path), comment
            comment = ""


def values_table(text: str) -> str:
    """Return the table of README.md."""
    defaults = yaml.safe_load(text)
    rows = [f"| `{path}` | `{_default(defaults, path)}` | {comment} |" for path, comment in documented_values(text)]
    return "\n".join(["| value | default | what it is |", "|---|---|---|", *rows])


def documented_readme() -> str:
    """Return README.md with the table as it has to be."""
    before, rest = (CHART / "README.md").read_text(encoding="utf-8").split(START)
    table = values_table((CHART / "values.yaml").read_text(encoding="utf-8"))
    return f"{before}{START}\n{table}\n{END}{rest.split(END)[1]}"


def _default(defaults: Any, path: str) -> str:
    for key in path.split("."):
        defaults = defaults[key]
    return json.dumps(defaults)


def main() -> int:
    """Write README.md, or with --check only say whether it is up to date."""
    parser = argparse.ArgumentParser(prog="python -m helm.document", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if README.md is not up to date")
    readme = documented_readme()
    if not parser.parse_args().check:
        (CHART / "README.md").write_text(readme, encoding="utf-8")
    elif readme != (CHART / "README.md").read_text(encoding="utf-8"):
        sys.stderr.write("helm/README.md is not up to date; run: python -m helm.document\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
