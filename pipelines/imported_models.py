"""Models are imported into the workspace once, before any step needs them, so that not every pod uses the hub."""

from __future__ import annotations

from typing import Any

from pipelines.parameters import Importing
from pipelines.resources import on_cpu_with_hub
from pipelines.tasks import task_of

import_model = task_of("import_model")


def imported_model(run: Importing, source: str, chat_template: str = "own", *, kind: str = "chat") -> Any:
    """Import a model and return its folder; ``kind`` is "base" for one that is never asked."""
    task = import_model(run, source=source, kind=kind, chat_template=chat_template)
    return on_cpu_with_hub(task, run).outputs["folder"]
