"""The command `scalequest`: run a preset on this machine, compile the pipelines, look at folders, verify, clean up.

Whatever is heavy (kfp, pyarrow, rich) is imported where a command needs it, so that `--help` stays quick.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(
    help="The ScaleQuest method: from seed questions to a dataset of questions and answers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # boxes around the help would take 0.3 s to load
)


@app.command()
def run(
    preset: Annotated[str, typer.Argument(help="values to run with: a file in pipelines/presets, without .yaml")],
    workspace: Annotated[
        str, typer.Option(help="where folders are made: gs://…, s3://… or a directory [runs/PRESET]")
    ] = "",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="another value for a parameter; repeatable")
    ] = None,
    pipeline: Annotated[
        str, typer.Option(help="one column of the figure alone: train_question_generator or construct_dataset")
    ] = "",
) -> None:
    """Run a preset on this machine.

    Runs the compiled pipeline; what is finished already is reused.
    """
    from pipelines.run_command import run_preset

    sys.exit(run_preset(preset, settings or [], workspace or f"runs/{preset}", pipeline))


@app.command()
def compile(
    check: Annotated[bool, typer.Option("--check", help="write nothing; fail where a file is not up to date")] = False,
) -> None:
    """Compile the pipelines into pipelines/compiled."""
    from pipelines.compiling import compile_or_check

    sys.exit(compile_or_check(check))


@app.command()
def show(
    folder: Annotated[str, typer.Argument(help="a folder that a step made, or a workspace")],
    rows: Annotated[int, typer.Option(help="how many rows to show", min=0)] = 3,
) -> None:
    """Show what a folder holds.

    Its manifest, ledger and first rows; for a dataset or a workspace, the funnel of its run, too.
    """
    from pipelines.show_command import show_folder

    sys.exit(show_folder(folder, rows))


@app.command()
def verify(
    folder: Annotated[str, typer.Argument(help="a folder that a step made, or a workspace: its newest dataset")],
    with_inputs: Annotated[
        bool, typer.Option("--with-inputs", help="verify all that it was made from, too, back to the sources")
    ] = False,
) -> None:
    """Read everything in a folder and say what is wrong.

    Parts, rejected rows, ledger, plan, manifest, a model's files, inputs that changed since: one line for each finding,
    then a summary. Nothing is changed. Ends with 0 where the folder is finished and sound, with 3 where it is not.
    """
    from pipelines.verify_command import verify as verify_address

    sys.exit(verify_address(folder, with_inputs))


@app.command()
def gc(
    workspace: Annotated[str, typer.Argument(help="gs://…, s3://… or a directory")],
    keep: Annotated[
        list[str] | None,
        typer.Option(help="a folder that is needed as datasets are, with all that it was made from; repeatable"),
    ] = None,
    older_than: Annotated[
        float, typer.Option(metavar="HOURS", help="leave alone what was written in the last so many hours", min=0)
    ] = 168.0,
    delete: Annotated[bool, typer.Option("--delete", help="remove it; else it is only listed")] = False,
) -> None:
    """List what no dataset of a workspace needs.

    Needed is every dataset that package_dataset finished, with all folders that it was made from. Folders that were
    written to lately, by the store's own clock, stay with all that they were made from: --older-than has to be longer
    than any step goes without writing, waiting for a GPU included.
    """
    from pipelines.gc_command import collect_garbage

    sys.exit(collect_garbage(workspace, keep or [], older_than, delete))


def main() -> None:
    """Run the command."""
    app()
