"""What a process logs: lines for people or, with ``SCALEQUEST_LOG_FORMAT=json``, one JSON object a line; no secrets.

An object has ``time`` (UTC), ``level``, ``logger``, ``message`` and, of an error, ``exception``::

    {"time": "2026-11-30T11:42:05.123Z", "level": "INFO", "logger": "components.shared.workspace", "message": "…"}

In JSON, whatever a library writes to standard error through Python becomes objects too, with the logger ``stderr``.
What native code and processes of libraries write themselves stays as it is.
"""

from __future__ import annotations

import atexit
import io
import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TextIO

from components.shared.errors import InputError
from components.shared.redaction import redacted

VARIABLE = "SCALEQUEST_LOG_FORMAT"
FORMATS = ("text", "json")
LAYOUT = "%(asctime)s %(levelname)s %(name)s: %(message)s"  # of a step's lines for people
# Libraries that write progress bars, or configure handlers of their own.
_QUIET = {"TQDM_DISABLE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "VLLM_CONFIGURE_LOGGING": "0"}


def log_format() -> Literal["text", "json"]:
    """Return how this process logs; InputError if the environment gives neither of the formats."""
    text = os.environ.get(VARIABLE, "") or "text"
    if text not in FORMATS:
        raise InputError(f"{VARIABLE} is {text!r}; expected one of {', '.join(FORMATS)}, or none at all")
    return "json" if text == "json" else "text"


class RedactingFormatter(logging.Formatter):
    """A formatter whose lines contain no secret, tracebacks included."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return redacted(super().format(record))


class JsonFormatter(logging.Formatter):
    """A formatter whose lines are JSON objects in ASCII, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object."""
        exception = self.formatException(record.exc_info) if record.exc_info else ""
        return log_object(record.levelname, record.name, record.getMessage(), exception, time=record.created)


def log_object(level: str, logger: str, message: str, exception: str = "", *, time: float | None = None) -> str:
    """Return one object; secrets are masked before they are escaped, when they are still what they are."""
    moment = datetime.now(UTC) if time is None else datetime.fromtimestamp(time, UTC)
    told = {
        "time": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level,
        "logger": logger,
        "message": redacted(message),
    }
    return json.dumps(told | ({"exception": redacted(exception)} if exception else {}))


class JsonLines(io.TextIOBase):
    """A stream that writes each line given to it as an object to another one; its descriptor is that one's."""

    def __init__(self, stream: TextIO, logger: str) -> None:
        super().__init__()
        self._stream, self._logger, self._begun = stream, logger, ""

    def write(self, text: str) -> int:
        """Take a text; what follows the last end of a line waits for its own."""
        *lines, self._begun = (self._begun + text).replace("\r", "\n").split("\n")
        for line in filter(str.strip, lines):
            self._stream.write(f"{log_object('INFO', self._logger, line.rstrip())}\n")
        return len(text)

    def flush(self) -> None:
        """Write what was given in whole lines."""
        self._stream.flush()

    def finish(self) -> None:
        """Write the last line too, though nothing has ended it: the process ends."""
        if self._begun:
            self.write("\n")
        self.flush()

    def fileno(self) -> int:
        """Return the descriptor of the stream below."""
        return self._stream.fileno()

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True


def start_logging(layout: str = LAYOUT, level: int = logging.INFO) -> None:
    """Have this process log to standard error, in the format that is asked for, and say there what ends it.

    An unknown format is refused by ``log_format``; here it is taken for text, so that the refusal itself can be told.
    """
    is_json = os.environ.get(VARIABLE) == "json"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if is_json else RedactingFormatter(layout))
    logging.basicConfig(level=level, handlers=[handler])
    sys.excepthook = _say_json if is_json else _say
    if is_json and not isinstance(sys.stderr, JsonLines):
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        logging.captureWarnings(True)
        sys.stderr = JsonLines(sys.stderr, "stderr")
        atexit.register(sys.stderr.finish)


def say_error(source: str, text: str) -> None:
    """Write the one line that says why a command ends: "source: error: text"."""
    line = f"{source}: {text}"
    if isinstance(sys.stderr, JsonLines):
        logging.getLogger(source).error(text)
    else:
        sys.stderr.write(f"{redacted(line)}\n")


def _say(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(redacted("".join(traceback.format_exception(kind, error, trace))))


def _say_json(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logging.getLogger("python").critical("%s: %s", kind.__name__, error, exc_info=(kind, error, trace))
