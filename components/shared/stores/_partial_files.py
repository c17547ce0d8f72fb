"""Files that are downloaded range by range, in any order, and continued after the death of the process.

Until ``name`` is complete, ``.name.partial`` beside it holds its bytes, and ``.name.ranges-of-16777216`` one byte for
each range: 1 once the range is on the disk.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

RANGE_BYTES = 16 * 2**20  # large enough to hide the latency of a request; eight of them are little memory


class PartialFile:
    """A file that is downloaded to ``path``; continues what an earlier attempt has left there."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.data = path.with_name(f".{path.name}.partial")
        self.finished = path.is_file() and path.stat().st_size == size
        self._marks = path.with_name(f".{path.name}.ranges-of-{RANGE_BYTES}")
        self._lock = threading.Lock()
        self._done = self._read_marks()
        self.resumed = any(self._done)

    @property
    def missing(self) -> list[int]:
        """The numbers of the missing ranges."""
        return [number for number, done in enumerate(self._done) if not done]

    def bounds(self, number: int) -> tuple[int, int]:
        """Return a range's first byte, and the byte after its last."""
        return number * RANGE_BYTES, min((number + 1) * RANGE_BYTES, self.size)

    def write(self, number: int, content: bytes) -> bool:
        """Write a range; return whether it was the last missing one."""
        start, stop = self.bounds(number)
        assert len(content) == stop - start, (self.path, number, len(content))
        with self.data.open("r+b") as data:
            data.seek(start)
            data.write(content)  # unlike os.pwrite, complete or an error: a full disk accepts a part
            data.flush()
            os.fdatasync(data.fileno())  # no mark may survive without its range, even in a power cut
        with self._lock, self._marks.open("r+b") as marks:
            marks.seek(number)
            marks.write(b"\1")
            self._done[number] = 1
            return all(self._done)

    def finish(self) -> None:
        """Give the complete file its name."""
        with self.data.open("rb") as data:
            os.fsync(data.fileno())
        self.data.replace(self.path)
        self._marks.unlink()
        self.finished = True

    def start_again(self) -> None:
        """Delete what is there and start again."""
        self._marks.unlink(missing_ok=True)  # before the data: marks without data would be believed
        self.data.unlink(missing_ok=True)
        self._done = self._read_marks()
        self.resumed = False

    def _read_marks(self) -> bytearray:
        """Return the marks of this file's ranges; create both files if there are no valid marks."""
        num_ranges = -(-self.size // RANGE_BYTES)
        if self.finished:
            self._marks.unlink(missing_ok=True)
            return bytearray()
        if _size(self._marks) == num_ranges and _size(self.data) == self.size:
            return bytearray(self._marks.read_bytes())
        self._marks.unlink(missing_ok=True)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.data.open("wb") as data:
            data.truncate(self.size)
        self._marks.write_bytes(bytes(num_ranges))
        return bytearray(num_ranges)


def _size(path: Path) -> int:
    """Return a file's size, -1 if there is none."""
    return path.stat().st_size if path.is_file() else -1
