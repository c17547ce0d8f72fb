"""GPU-hours that a workspace has taken, lost work included, and the budget that ends a step.

Each process that holds GPUs leaves one small record, from its start to its end, by the folder that it works on::

    _spent/generate_questions/0123456789abcdef/{process}-8x000003600.json    8 GPUs for 3600 s

The numbers are in the name, so that one listing adds them up. A record is renewed every ``BEAT_SECONDS``, and the one
before is deleted then; where several are there, the latest one counts, whatever folder the others name. So a process
that is killed counts up to its last record, and never twice. Its seconds are those of a clock that nobody sets.
``gc`` leaves them: what was taken stays taken when a folder is deleted.
"""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from collections.abc import Iterable, Iterator

from components.shared import processes, stopping
from components.shared.accelerators import num_held
from components.shared.errors import BudgetSpentError, InputError, UnavailableError
from components.shared.stores import storage
from components.shared.stores.inventory import StoredObject, list_objects
from components.shared.workspace import Workspace

SPENT = "_spent"
BEAT_SECONDS = 30.0
FIRST_BEAT_SECONDS = 5.0  # a model that fits no GPU ends its process soon, and as often as it is tried

_RECORD = re.compile(r"(?P<folder>[a-z0-9_]+/[0-9a-f]{16})/(?P<process>[\w.]+)-(?P<gpus>\d+)x(?P<seconds>\d{9})\.json")

logger = logging.getLogger(__name__)


def spent_in(workspace: str) -> dict[str, float]:
    """Return the GPU-seconds that processes have taken, by the folder (step/fingerprint) that they worked on."""
    return spent_by(list_objects(storage.join(workspace, SPENT)))


def spent_by(records: Iterable[StoredObject]) -> dict[str, float]:
    """Return the same by the records in ``_spent/``, which somebody has listed."""
    latest: dict[str, tuple[float, str]] = {}  # GPU-seconds and folder, by process
    for each in records:
        if match := _RECORD.fullmatch(each.name):
            record = float(match["gpus"]) * float(match["seconds"]), match["folder"]
            latest[match["process"]] = max(latest.get(match["process"], record), record)
    spent: dict[str, float] = {}
    for seconds, folder in latest.values():
        spent[folder] = spent.get(folder, 0.0) + seconds
    return spent


def check_budget(workspace: str, max_gpu_hours: float) -> None:
    """Raise BudgetSpentError where a workspace has taken the GPU-hours that it may take; 0: no limit."""
    if not max_gpu_hours:
        return
    hours = sum(spent_in(workspace).values()) / 3600
    if hours >= max_gpu_hours:
        raise BudgetSpentError(
            f"{workspace} has taken {_in_words(hours)} GPU-hours of the {_in_words(max_gpu_hours)} that it may take; "
            "all that is finished stays: allow more (--set max_gpu_hours=…, or max_cost), and the same command goes on"
        )


def _in_words(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 100 else f"{hours:.3g}"


@contextlib.contextmanager
def counted(workspace: Workspace, max_gpu_hours: float, num_used: int | None = None) -> Iterator[None]:
    """Count the GPUs that this process holds within the block, and since it began; stop it when the budget is spent.

    ``num_used``: how many it uses; None: all that it may use.
    """
    record, ended = _Record(workspace, num_held(num_used)), threading.Event()
    if record.num_gpus:
        arguments = record, max_gpu_hours, ended
        threading.Thread(target=_renew, args=arguments, name="spending", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        record.write()


class _Record:
    """What this process has taken, written down."""

    def __init__(self, workspace: Workspace, num_gpus: int) -> None:
        self.workspace, self._process = workspace, processes.own_name()
        self.num_gpus = num_gpus
        self._written = ""
        self._lock = threading.Lock()

    def write(self) -> None:
        """Renew the record; a store that refuses is logged, and asked again at the next beat."""
        if not self.num_gpus or not self.workspace.at:
            return
        with self._lock:
            name = f"{self._process}-{self.num_gpus}x{round(processes.age()):09d}.json"
            uri = storage.join(self.workspace.uri, SPENT, self.workspace.at, name)
            try:
                with contextlib.suppress(FileExistsError):  # of this very second, or its answer was lost
                    storage.create_json(uri, {"host": processes.host()})
                before, self._written = self._written, uri
                if before not in ("", uri):
                    storage.delete_object(before)
            except (InputError, UnavailableError) as error:
                logger.info("the GPU-hours of this process are not written down: %s", error)


def _renew(record: _Record, max_gpu_hours: float, ended: threading.Event) -> None:
    pause = min(FIRST_BEAT_SECONDS, BEAT_SECONDS)
    while not ended.wait(pause):
        pause = BEAT_SECONDS
        record.write()
        try:
            check_budget(record.workspace.uri, max_gpu_hours)
        except BudgetSpentError as spent:
            stopping.stop_because(spent)
            return
        except (InputError, UnavailableError) as error:
            logger.info("what the workspace has taken is not known: %s", error)
