"""What the subcommands of `scalequest` share: one message and an exit code if one fails, safe texts, and sizes."""

from __future__ import annotations

import errno
import signal
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.markup import escape

from components.shared.errors import ExitCode, HeldError, InputError, UnavailableError, exit_code_of_error
from components.shared.log_lines import log_format, say_error
from components.shared.redaction import redacted
from pipelines.standard_streams import stop_printing

# What the system says of a path that a person named.
OF_A_PATH = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ELOOP),
    *(errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR),
)


OF_A_DISK = (errno.ENOSPC, errno.EDQUOT)
UNREAD = 128 + signal.SIGPIPE  # who reads standard output has ended, as head does: what a shell has for it


def exit_code_of(command: str, work: Callable[[], int]) -> int:
    """Run a subcommand; return its exit code, or print one message that says why it failed."""
    try:
        log_format()
        exit_code = work()
        sys.stdout.flush()
        return exit_code
    except (InputError, UnavailableError, HeldError) as error:
        say_error(f"scalequest {command}", visible(redacted(f"error: {error}")))
        return exit_code_of_error(error)
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):  # which rich makes so
            raise
        stop_printing()
        return UNREAD
    except OSError as error:
        if error.errno in OF_A_PATH and error.filename:
            what = f"error: {error.filename}: {error.strerror}; check the path, and who may read and write it"
        elif error.errno in OF_A_DISK:
            stop_printing()
            what = f"error: {error.strerror}, where standard output or a file is written; make room, and start it again"
        else:
            raise
        say_error(f"scalequest {command}", visible(redacted(what)))
        return ExitCode.BAD_INPUT


def visible(text: str) -> str:
    """Return a text in which everything that a terminal obeys (control characters, marks of direction) is an escape."""
    return "".join(c if c.isprintable() or c in "\n\t" or _is_space(c) else repr(c)[1:-1] for c in text)


def as_data(text: str) -> str:
    """Return a text of a folder for a place where the console reads markup: neither it nor a terminal obeys it."""
    return escape(visible(text))


def aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Yield a line for each row, its cells under each other; nothing is cut, however narrow the terminal is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def print_aligned(console: Console, rows: Sequence[tuple[str, ...]]) -> None:
    """Print rows of cells under each other, as data."""
    for line in aligned([tuple(visible(redacted(cell)) for cell in row) for row in rows]):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def readable_size(num_bytes: float) -> str:
    """Return a number of bytes as a person reads it: three digits or so, in powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} B" if unit == "B" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} TB"


def _is_space(character: str) -> bool:
    return unicodedata.category(character) == "Zs"
