"""Writes the tables of options in READMEs from the configs: ``python -m pipelines.document [--check]``.

Each step's README ends with the table of its options. In the table of components/README.md, links and images are
generated, one row per step; the order of the rows and the other cells are written by hand.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

from components.shared.config import OptionInfo, StepConfig, accepted_range, flag_of, info_of, options_of
from components.shared.config.values import default_text
from components.steps import config_of, step_names

COMPONENTS = Path(__file__).resolve().parent.parent / "components"
START, END = "<!-- options: python -m pipelines.document -->", "<!-- end of options -->"
STEPS_START, STEPS_END = "<!-- steps: python -m pipelines.document -->", "<!-- end of steps -->"
STEPS_HEAD = ["| step | image | reads | writes | stage of the paper |", "|---|---|---|---|---|"]


def options_table(config: type[StepConfig]) -> str:
    """Return the table of a step's options."""
    return "\n".join(["| option | default | accepted | what it is |", "|---|---|---|---|", *_option_rows(config)])


def steps_table(standing: str) -> str:
    """Return the table of all steps, from the one that stands there: its order, and what is written by hand in it."""
    rows = [_cells(line) for line in standing.splitlines()[len(STEPS_HEAD) :]]
    by_hand = {cells[0].partition("]")[0].removeprefix("["): cells[2:] for cells in rows}
    steps = step_names()
    order = [step for step in by_hand if step in steps] + [step for step in steps if step not in by_hand]
    lines = [
        _line(f"[{step}]({step}/README.md)", config_of(step).IMAGE, *(by_hand.get(step) or _stated(step)))
        for step in order
    ]
    return "\n".join([*STEPS_HEAD, *lines])


def documented() -> Iterator[tuple[Path, str]]:
    """Yield each README with the text that it has to have."""
    for step in step_names():
        path = COMPONENTS / step / "README.md"
        yield path, _replaced(path.read_text(encoding="utf-8"), START, END, options_table(config_of(step)))
    path = COMPONENTS / "README.md"
    text = path.read_text(encoding="utf-8")
    standing = text.partition(STEPS_START)[2].partition(STEPS_END)[0].strip()
    yield path, _replaced(text, STEPS_START, STEPS_END, steps_table(standing))


def write_or_check(check: bool) -> int:
    """Write the READMEs that are not up to date, or only name them; return the exit code."""
    changed = {path: text for path, text in documented() if path.read_text(encoding="utf-8") != text}
    for path, text in changed.items():
        name = path.relative_to(COMPONENTS.parent)
        if check:
            sys.stderr.write(f"{name} is not up to date; run: python -m pipelines.document\n")
        else:
            path.write_text(text, encoding="utf-8")
            sys.stderr.write(f"{name} written\n")
    return 1 if changed and check else 0


def _option_rows(config: type[StepConfig]) -> Iterator[str]:
    for field in options_of(config):
        info = info_of(field)
        marks = ("" if info.is_settable else "*") + ("" if info.affects_output else "†")
        default = "required" if field.default is dataclasses.MISSING else f"`{default_text(field)}`"
        yield _line(f"`{flag_of(field.name)}`{marks}", "" if default == "``" else default, _accepted(info), info.help)


def _accepted(info: OptionInfo) -> str:
    return ", ".join(f"`{choice}`" for choice in info.choices) or accepted_range(info)


def _stated(step: str) -> list[str]:
    """Return what a new step's README says in its first table: what it reads and writes, and its stage."""
    readme = (COMPONENTS / step / "README.md").read_text(encoding="utf-8")
    stated = dict(cells[:2] for line in readme.splitlines() if len(cells := _cells(line)) == 2)
    return [stated.get(name, "") for name in ("reads", "writes", "paper")]


def _replaced(text: str, start: str, end: str, table: str) -> str:
    """Return a text with the table between its two marks; behind all else where it has none."""
    if start not in text:
        text = f"{text.rstrip()}\n\n## Options\n\n{start}\n{end}\n"
    before, rest = text.split(start)
    return f"{before}{start}\n{table}\n{end}{rest.partition(end)[2]}"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |".replace("  ", " ")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m pipelines.document", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a README is not up to date")
    sys.exit(write_or_check(parser.parse_args().check))
