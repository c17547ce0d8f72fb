"""The steps of ScaleQuest: one folder for each step, each a command (``python -m components.<step>``)."""

import os
import signal

from components.shared import telemetry

if os.getpid() == 1:
    from components.shared.errors import ExitCode

    # The kernel drops what the first process of a container has no handler for: SIGTERM would mean nothing until the
    # step listens, which is after it has imported its libraries.
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(ExitCode.STOPPED))

telemetry.turn_off()
