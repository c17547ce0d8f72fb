"""The death of vLLM's own process, made known to who waits for its answers."""

from __future__ import annotations

import threading
import time
import weakref
from typing import Any

CHECK_SECONDS = 1.0


def report_death(client: Any) -> None:
    """Wake up who waits for ``client`` (vLLM's engine core, as its parent sees it) where its process was killed.

    vLLM 0.32 notes such a death (SIGKILL, out of memory), but whoever waits for output just then waits forever: only
    a process that dies with a Python error says so itself. An engine within this process needs nothing.
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
