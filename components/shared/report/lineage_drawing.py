"""How a dataset was made, as a drawing: a line for each folder while it is still read, and a dot where it is made.

A stage takes one line of the page, so that the drawing fits any screen, whatever the number of stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from components.shared.workspace.lineage import Stage

ROW, LANE, LEFT = 52, 16, 12  # pixels: height of a stage, distance of lines, the first line


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A stage in the drawing."""

    stage: Stage
    kind: str  # "rows" on the way of the dataset's rows, "model", "aside" for other rows
    x: int
    y: int


@dataclass(frozen=True, kw_only=True)
class Line:
    """From a stage to one that read it."""

    kind: str  # of what is read
    path: str  # as SVG writes it


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """All stages with their lines."""

    dots: Sequence[Dot]
    lines: Sequence[Line]
    width: int

    @property
    def height(self) -> int:
        """In pixels."""
        return ROW * len(self.dots)


def draw(stages: Sequence[Stage], rows_folders: frozenset[str]) -> Drawing:
    """Draw stages, each after all that it read; ``rows_folders`` are on the way of the dataset's rows."""
    last_use = {uri: number for number, stage in enumerate(stages) for uri in stage.reads}
    lanes: list[str] = []  # the folder whose line goes on there; "" for none
    dots: dict[str, Dot] = {}
    lines = []
    for number, stage in enumerate(stages):
        read = [dots[uri] for uri in stage.reads if uri in dots]
        ending = [dot for dot in read if last_use[dot.stage.folder] == number]
        for dot in ending:
            lanes[_lane(dot)] = ""
        lane = _free_lane(lanes, ending)
        lanes[lane] = stage.folder if stage.folder in last_use else ""
        kind = _kind(stage, rows_folders)
        dots[stage.folder] = Dot(stage=stage, kind=kind, x=LEFT + LANE * lane, y=ROW * number + ROW // 2)
        lines += [Line(kind=dot.kind, path=_path(dot, dots[stage.folder])) for dot in read]
    return Drawing(dots=list(dots.values()), lines=lines, width=LEFT * 2 + LANE * max(0, len(lanes) - 1))


def _lane(dot: Dot) -> int:
    return (dot.x - LEFT) // LANE


def _free_lane(lanes: list[str], ending: Sequence[Dot]) -> int:
    """Return the lane of rows that are read here for the last time, else the first free one."""
    going_on = [_lane(dot) for dot in ending if dot.kind == "rows"] or [_lane(dot) for dot in ending]
    if going_on:
        return min(going_on)
    if "" not in lanes:
        lanes.append("")
    return lanes.index("")


def _kind(stage: Stage, rows_folders: frozenset[str]) -> str:
    if stage.manifest.kind == "model":
        return "model"
    return "rows" if stage.folder in rows_folders else "aside"


def _path(start: Dot, end: Dot) -> str:
    """Return a line that goes straight down and bends before its end."""
    bend = end.y - ROW
    return f"M{start.x} {start.y}V{bend}C{start.x} {bend + ROW // 2} {end.x} {bend + ROW // 2} {end.x} {end.y}"
