"""Whether the workspace's store does what the workspace is built on, with the present credentials."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator

from components.shared import storage
from components.shared.errors import InputError, UnavailableError
from pipelines.cluster.examination import Finding


def check_bucket(workspace: str) -> Iterator[Finding]:
    """Yield whether a small object can be written once and not twice, read, listed and deleted again."""
    probe = storage.join(workspace, ".doctor", uuid.uuid4().hex)
    try:
        storage.create(probe, b"probe")
        yield Finding(True, f"workspace {workspace}: can be written")
        read = storage.read_bytes(probe) == b"probe"
        yield Finding(read, f"workspace {workspace}: can be read", "what was read is not what was written")
        yield _exclusive(probe, workspace)
        yield _deletable(probe, workspace)
    except (InputError, UnavailableError) as error:
        # These messages say what to do themselves.
        yield Finding(False, f"workspace {workspace}: {error}")


def _exclusive(probe: str, workspace: str) -> Finding:
    with contextlib.suppress(FileExistsError):
        storage.create(probe, b"other")
        return Finding(
            False,
            f"workspace {workspace}: an object that stands was written over",
            "this store does not honour preconditions (If-None-Match, generation 0): two pods would overwrite each "
            "other's parts; take another store",
        )
    return Finding(True, f"workspace {workspace}: an object that stands is not written over")


def _deletable(probe: str, workspace: str) -> Finding:
    try:
        storage.delete_folder(probe)
    except InputError as error:
        remedy = f"runs work without, but checkpoints stay and gc --delete fails ({error})"
        return Finding(None, f"workspace {workspace}: objects cannot be deleted", remedy)
    return Finding(True, f"workspace {workspace}: objects can be deleted")
