"""Makes the pictures of the documentation anew, from a workspace with a finished run; needs chromium.

    python -m tests.pictures runs/laptop

``page.png`` is its page, on a screen and, in dark, on a phone; ``plan.png`` what `scalequest plan` prints for the same
with more responses; ``status.png`` what `scalequest status` prints of a run that a real cluster had (a recording).
"""

from __future__ import annotations

import html
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

from PIL import Image

from components.shared.workspace.run_records import newest_run
from pipelines.cluster import status_command
from tests.chromium import Scheme, screenshot
from tests.pipelines.cluster.conftest import answer_as_kubeflow, kubeconfig_of, serving
from tests.pipelines.cluster.recorded_runs import NAMESPACE, serve_pods, serve_run
from tests.source_tree import ROOT

IMAGES = ROOT / "docs" / "images"
SCREEN, PHONE, HEIGHT = 1240, 390, 1100  # pixels
RECORDED, RECORDED_AT = "run-waiting-for-retry-past-93-tasks", datetime(2026, 11, 29, 19, 8, 20, tzinfo=UTC)
COLUMNS = 128  # of the terminal
FONT, LINE, MARGIN = 14, 21, 22  # pixels
CHARACTER = 0.602 * FONT  # its width, in a font of one width
COLOURS = 256  # so that a picture is small
STYLE = f"""
body {{ margin: {MARGIN}px; background: #12161c; color: #e8ebef }}
pre {{ margin: 0; font: {FONT}px/{LINE}px "DejaVu Sans Mono", monospace }}
b {{ color: #5fc9a0 }}
"""
MORE_RESPONSES = ("--set", "solver_num_responses=4")


def make_pictures(workspace: str, folder: Path) -> None:
    """Write all pictures into a folder."""
    run = newest_run(workspace)
    assert run, f"{workspace} has no run; `scalequest run laptop --workspace {workspace}` makes one"
    preset = run.record.preset
    planned = printed("plan", preset, "--workspace", workspace, *MORE_RESPONSES).partition("\nfrom\n")[0]
    pictures = {
        "page": picture_of_page(workspace),
        "plan": terminal(f"scalequest plan {preset} {' '.join(MORE_RESPONSES)}", planned),
        "status": picture_of_status(),
    }
    for name, png in pictures.items():
        few_colours = Image.open(io.BytesIO(png)).quantize(COLOURS, Image.Quantize.MAXCOVERAGE)
        few_colours.save(folder / f"{name}.png", optimize=True)


def picture_of_page(workspace: str) -> bytes:
    """Return the page of a workspace as two windows side by side, the second one further down."""
    with tempfile.TemporaryDirectory() as scratch:
        printed("report", workspace, "--page", str(page := Path(scratch, "page.html")))
        windows: list[tuple[int, Scheme, str]] = [(SCREEN, "light", ""), (PHONE, "dark", "#distributions")]
        for width, scheme, place in windows:
            frame = f'<iframe src="{page.as_uri()}{place}" style="border: 0; width: {width}px; height: 100vh">'
            taken = screenshot(f'<body style="margin: 0">{frame}</iframe>', width, HEIGHT, scheme)
            Path(scratch, f"{scheme}.png").write_bytes(taken)
        images = [f'<img src="{Path(scratch, f"{scheme}.png").as_uri()}">' for _, scheme, _ in windows]
        row = f'<body style="margin: 0; display: flex; gap: 24px; background: #c9d1d9">{"".join(images)}'
        return screenshot(row, SCREEN + 24 + PHONE, HEIGHT, "light")


def picture_of_status() -> bytes:
    """Return what `scalequest status` prints of a recorded run, at the time when it was recorded."""
    with serving() as server, tempfile.TemporaryDirectory() as scratch, redirect_stdout(io.StringIO()) as told:
        answer_as_kubeflow(server)
        serve_pods(server, RECORDED)
        run = serve_run(server, RECORDED)
        cluster = {"KUBECONFIG": str(kubeconfig_of(server.url, Path(scratch))), "AWS_EC2_METADATA_DISABLED": "true"}
        with patch.dict(os.environ, cluster), patch.object(status_command, "datetime") as clock:
            clock.now.return_value = RECORDED_AT
            status_command.show_status(run, server.url, NAMESPACE)
    lines = [line for line in told.getvalue().splitlines() if "rows are not shown" not in line]  # its store is gone
    return terminal(f"scalequest status {run} --namespace {NAMESPACE}", "\n".join(lines))


def printed(*words: str) -> str:
    """Return what a command prints."""
    program = "from pipelines.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "400"}
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def terminal(command: str, output: str) -> bytes:
    """Return a terminal in which a command has printed its output, as a PNG."""
    lines = [part.rstrip() for line in output.rstrip().splitlines() for part in cut(line)]
    text = "\n".join([f"<b>$</b> {html.escape(command)}", *map(html.escape, lines)])
    width = round(max(map(len, [f"$ {command}", *lines])) * CHARACTER) + 2 * MARGIN
    page = f"<!doctype html><style>{STYLE}</style><body><pre>{text}</pre>"
    return screenshot(page, width, LINE * (len(lines) + 1) + 2 * MARGIN, "dark")


def cut(line: str) -> Sequence[str]:
    """Cut a line as a terminal does."""
    return [line[start : start + COLUMNS] for start in range(0, len(line), COLUMNS)] or [""]


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    make_pictures(sys.argv[1], IMAGES)
