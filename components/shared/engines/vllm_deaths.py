"""The death of vLLM's own process, reported to the callers that wait for its answers."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

CHECK_SECONDS = 1.0


def report_death(client: Any) -> None:
    """Wake up callers that wait for ``client`` (vLLM's engine core, as its parent sees it) if its process is killed.

    vLLM 0.32 notices such a death (SIGKILL, out of memory), but a caller that waits for output then waits forever: only
    a process that dies with a Python error reports it. An engine within this process needs nothing.
    """
    if hasattr(client, "outputs_queue"):
        threading.Thread(target=_watch, args=(weakref.ref(client),), name="vllm death", daemon=True).start()


def _watch(reference: weakref.ref[Any]) -> None:
    while (client := reference()) is not None:
        if client.resources.engine_dead:
            client.outputs_queue.put_nowait(ConnectionError("vLLM's process was killed"))
            return
        del client
        time.sleep(CHECK_SECONDS)
