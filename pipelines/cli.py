"""The command `scalequest`: run a preset on this machine, compile the pipelines, look at a folder.

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


def main() -> None:
    """Run the command."""
    app()
