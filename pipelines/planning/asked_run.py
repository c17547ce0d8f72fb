"""What a person asks to run: the same for the commands that plan it, run it here and submit it to a cluster."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from components.shared.redaction import redacted


@dataclass(frozen=True, kw_only=True)
class AskedRun:
    """What is to run, and where its folders stand."""

    preset: str
    settings: Sequence[str] = ()
    workspace: str
    pipeline: str = ""  # one column of the figure alone
    pilot: int = 0  # how many questions go through every stage first; 0: the whole run

    def command_of(self, command: str, *words: str) -> str:
        """Return a command of ``scalequest`` for it, with more options behind its own, without secrets."""
        given = [self.preset, "--workspace", self.workspace]
        given += [word for setting in self.settings for word in ("--set", setting)]
        given += ["--pipeline", self.pipeline] if self.pipeline else []
        given += ["--pilot", str(self.pilot)] if self.pilot else []
        return redacted(shlex.join(["scalequest", command, *given, *words]))
