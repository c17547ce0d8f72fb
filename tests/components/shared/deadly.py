"""Any step with rows that take their time and rows that kill, for tests that need a process's death.

``python -m tests.components.shared.deadly generate_responses --questions …``. Engine, scorer and judge are the real
scripted ones; a row whose text holds MARKER ends the process with SIGKILL, as the kernel does where memory runs out. So
does the writing of a part behind as many as the environment names.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
import typing
from collections.abc import Callable
from typing import Any

from components.shared.cli import run_step
from components.shared.engines import scripted_engine
from components.shared.output_folders import Part
from components.shared.scoring import scripted_scorer

MARKER = "segfault"
ROW_SECONDS = "DEADLY_ROW_SECONDS"
PARTS = "DEADLY_PARTS"
JUDGES = {
    "filter_language": "judge",
    "select_responses": "count_agreement",
    "import_questions": "digest_question",
}  # the function that looks at a row, where that is no engine and no scorer


def _deadly(function: Callable[..., Any], text_of: Callable[..., str]) -> Callable[..., Any]:
    def wrapped(*args: Any) -> Any:
        time.sleep(float(os.environ.get(ROW_SECONDS, "0")))
        if MARKER in text_of(*args):
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args)

    return wrapped


def _deadly_behind(parts: int, write: Callable[..., Any]) -> Callable[..., Any]:
    written = iter(range(parts))

    def wrapped(*args: Any) -> Any:
        if next(written, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return write(*args)

    return wrapped


def main() -> None:
    """Run the step that the first word of the command line names."""
    name = sys.argv[1]
    step = importlib.import_module(f"components.{name}.step")
    engine: Any = scripted_engine.ScriptedEngine
    engine._answer = _deadly(engine._answer, lambda _, request, sampling: str(request.message))
    scripted_scorer.scripted_value = _deadly(scripted_scorer.scripted_value, str)
    if function := JUDGES.get(name, ""):
        setattr(step, function, _deadly(getattr(step, function), lambda first, *_: repr(first)))
    if parts := os.environ.get(PARTS, ""):
        Part._write = _deadly_behind(int(parts), Part._write)  # type: ignore[method-assign]
    run_step(typing.get_type_hints(step.run)["config"], step.run, sys.argv[2:])


if __name__ == "__main__":
    main()
