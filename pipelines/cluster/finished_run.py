"""What of a run can be known here, before it is submitted: whether it could work, and whether it is done already."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence

from components.shared.stores import storage
from pipelines.arguments import Run
from pipelines.run_checks.looking import Looked
from pipelines.run_checks.step_checks import check_steps, impatient
from pipelines.run_checks.vantage import SUBMITTER

logger = logging.getLogger(__name__)


def look_from_here(run: Run, workspace: str, *, has_keys: bool) -> list[Looked]:
    """Return each step of a run, with what stands of it as far as that shows here.

    InputError names the parameter by which the run could not work, as far as that shows here: what only its pods can
    reach, its first task checks. ``has_keys``: this process has the keys of endpoints and of the hub that pods have.
    """
    return check_steps(run, dataclasses.replace(SUBMITTER, reads_store=can_read(workspace), asks_endpoints=has_keys))


def finished_folder(steps: Sequence[Looked]) -> str:
    """Return the address of a run's last folder if all its folders are finished; "" if not, or if that is not known."""
    return steps[-1].folder if all(each.state == "reused" for each in steps) else ""


def can_read(workspace: str) -> bool:
    """Tell whether this machine has the store's keys, and the store answers it."""
    try:
        with impatient():
            storage.list_names(workspace)
    except Exception as error:  # noqa: BLE001 - keys, packages and networks fail in many ways; pods have their own
        logger.debug("the workspace cannot be read from here: %s", error)
        return False
    return True
