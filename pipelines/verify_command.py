"""`scalequest verify`: read a folder, or all that it was made from, and say what is wrong, one line for each."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from rich.console import Console

from components.shared.errors import ExitCode
from components.shared.upkeep.verification import Verification, verify_folder
from components.steps import step_names
from pipelines.json_output import print_json
from pipelines.reporting import exit_code_of, readable_size, visible
from pipelines.workspace_folders import dataset_at


def verify(address: str, with_inputs: bool, *, as_json: bool = False) -> int:
    """Verify a folder, or the newest dataset of a workspace; return the exit code."""
    return exit_code_of("verify", lambda: _verify(dataset_at(address, step_names()), with_inputs, as_json))


def _verify(folder: str, with_inputs: bool, as_json: bool) -> int:
    console, results = Console(file=sys.stdout, quiet=as_json), []
    for result in _results(folder, with_inputs):
        results.append(result)
        for line in (*result.findings, _summary(result)):
            console.print(visible(line), markup=False, highlight=False, soft_wrap=True)
    sound = all(result.sound for result in results)
    if as_json:
        print_json({"sound": sound, "folders": [{**vars(each), "sound": each.sound} for each in results]})
    return ExitCode.DONE if sound else ExitCode.UNSOUND


def _results(folder: str, with_inputs: bool) -> Iterator[Verification]:
    """Yield what is found in a folder and, if asked for, in each that it was made from, once."""
    waiting, seen = [folder], {folder}
    for uri in waiting:
        result = verify_folder(uri)
        yield result
        if with_inputs:
            waiting += (inputs := [uri for uri in dict.fromkeys(result.inputs) if uri not in seen])
            seen |= {*inputs}


def _summary(result: Verification) -> str:
    counts = ((result.rows, "row"), (result.parts, "part"), (result.files, "file"))
    read = [f"{number} {noun}{'s' * (number != 1)}" for number, noun in counts if number]
    took = f"{', '.join([*read, readable_size(result.size)])} in {result.seconds:.1f} s"
    if result.sound:
        return f"{result.folder} is sound: {took}"
    if result.unfinished and not result.findings:
        return f"{result.folder} is not finished; what exists is sound: {took}; {result.unfinished}"
    number = f"{len(result.findings)} finding{'s' * (len(result.findings) != 1)}"
    state = f"is not finished ({result.unfinished}) nor sound" if result.unfinished else "is not sound"
    return f"{result.folder} {state}: {number}; {took}"
