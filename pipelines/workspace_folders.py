"""Which folder of a workspace a command means, where it is given the workspace."""

from __future__ import annotations

from collections.abc import Sequence

from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.workspace.listing import finished_names
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.plans import PLAN
from components.shared.workspace.unfinished import named
from components.steps import step_names

LAST_STEP, TABLE_STEP = "package_dataset", "compare_solvers"
MODEL_STEPS = ("train_dpo", "train_sft", "import_model")


def newest_dataset(workspace: str) -> str:
    """Return the dataset that was finished last in a workspace, by the store's clock; "" where it holds none."""
    return newest_folder(workspace, LAST_STEP)


def newest_folder(workspace: str, step: str) -> str:
    """Return the folder of a step that was finished last in a workspace, by the store's clock; "" without one."""
    return next(iter(_finished(storage.join(workspace, step))), "")


def finished_models(workspace: str) -> list[str]:
    """Return the finished model folders of a workspace."""
    return [folder for step in MODEL_STEPS for folder in _finished(storage.join(workspace, step))]


def dataset_at(address: str, steps: Sequence[str]) -> str:
    """Return a workspace's newest dataset, or an address that is no workspace.

    InputError for a workspace without a dataset: it names the finished folders of ``steps`` that are there.
    """
    return newest_dataset(address) or folder_at(address, steps)


def folder_at(address: str, steps: Sequence[str]) -> str:
    """Return the address of a folder; InputError for that of a workspace, or of all folders of a step."""
    names = {*storage.list_names(address)}
    if names & {PLAN, MANIFEST}:
        return address
    if names & {*step_names()}:
        places = [storage.join(address, step) for step in steps if step in names]
        what = f"{address} is a workspace without a finished dataset"
    elif names and address.rstrip("/").rpartition("/")[2] in step_names():
        places, what = [address], f"{address} holds the folders of one step"
    else:
        return address
    there = named([folder for place in places for folder in _finished(place)]) or "none that is finished"
    raise InputError(f"{what}; give one of the folders there: {there}")


def _finished(place: str) -> list[str]:
    """Return the finished folders of a step, the newest first."""
    return [storage.join(place, name) for name in finished_names(place)]
