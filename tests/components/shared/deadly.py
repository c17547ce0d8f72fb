"""Any step with rows that take their time and rows that kill, for tests that need a process's death.

``python -m tests.components.shared.deadly generate_responses --questions …``. Engine, scorer and judge are the real
scripted ones; a row whose text holds MARKER ends the process with SIGKILL, as the kernel does where memory runs out. So
does the writing of a part behind as many as the environment names.
"""

from __future__ import annotations

import importlib
import os
import posixpath
import re
import signal
import sys
import time
import typing
from collections.abc import Callable
from typing import Any

from components.shared.command.step_command import run_step
from components.shared.engines import scripted_engine
from components.shared.scoring import _scripted_scorer
from components.shared.stores import storage

MARKER = "segfault"
ROW_SECONDS = "DEADLY_ROW_SECONDS"
PARTS = "DEADLY_PARTS"
JUDGES = {
    "filter_language": "judge",
    "select_responses": "compare",
    "import_questions": "digest_row",
}  # the function that looks at a row, where that is no engine and no scorer


def _deadly(function: Callable[..., Any], text_of: Callable[[Any], str]) -> Callable[..., Any]:
    """Let a function take its time, and end the process where its first argument holds MARKER."""

    def wrapped(*args: Any) -> Any:
        time.sleep(float(os.environ.get(ROW_SECONDS, "0")))
        if MARKER in text_of(args[0]):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args)

    return wrapped


def _deadly_behind(parts: int, create: Callable[[str, bytes], None]) -> Callable[[str, bytes], None]:
    written = iter(range(parts))

    def wrapped(uri: str, data: bytes) -> None:
        if is_part(uri) and next(written, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        create(uri, data)

    return wrapped


def is_part(uri: str) -> bool:
    """Tell whether an object is a part of a folder's rows."""
    return re.fullmatch(r"part-\d{5}\.parquet", posixpath.basename(uri)) is not None


def main() -> None:
    """Run the step that the first word of the command line names."""
    name = sys.argv[1]
    step = importlib.import_module(f"components.{name}.step")
    scripted_engine.RULES = tuple((fits, _deadly(reply, str)) for fits, reply in scripted_engine.RULES)
    _scripted_scorer.scripted_value = _deadly(_scripted_scorer.scripted_value, str)
    if function := JUDGES.get(name, ""):
        setattr(step, function, _deadly(getattr(step, function), repr))
    if parts := os.environ.get(PARTS, ""):
        vars(storage)["create"] = _deadly_behind(int(parts), storage.create)
    run_step(typing.get_type_hints(step.run)["config"], step.run, sys.argv[2:])


if __name__ == "__main__":
    main()
