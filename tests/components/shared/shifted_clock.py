"""Runs a step as its command does, with a clock of its own: ``python -m … SECONDS MODULE CONFIG OPTIONS…``."""

from __future__ import annotations

import datetime
import importlib
import sys
import time


class _Clock:
    """How much later it is than the machine says; the same for all that ask."""

    ahead = datetime.timedelta()


class _Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> _Shifted:
        later = datetime.datetime.now(tz) + _Clock.ahead
        return cls.combine(later.date(), later.timetz())


def shift_clock(seconds: float) -> None:
    """Let our code, and all that asks for Unix time, believe that it is so many seconds later.

    The class ``datetime`` is exchanged where our modules name it: C code of other libraries rests on the real one.
    """
    from components.shared.command import step_command  # noqa: F401 -- what is loaded by then is what is shifted
    from components.shared.upkeep import garbage  # noqa: F401 -- what is loaded by then is what is shifted

    real_time, real_time_ns = time.time, time.time_ns
    _Clock.ahead = datetime.timedelta(seconds=seconds)
    time.time = lambda: real_time() + seconds
    time.time_ns = lambda: real_time_ns() + int(seconds * 1e9)
    for name, module in sys.modules.items():
        if name.startswith(("components.", "pipelines.")) and getattr(module, "datetime", None) is datetime.datetime:
            vars(module)["datetime"] = _Shifted


if __name__ == "__main__":
    module = importlib.import_module(sys.argv[2])
    shift_clock(float(sys.argv[1]))
    from components.shared.command.step_command import run_step

    run_step(getattr(module, sys.argv[3]), module.run, sys.argv[4:])
