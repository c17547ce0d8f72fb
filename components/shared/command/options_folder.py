"""A step's options from a folder with a file for each: a ConfigMap, as Kubernetes mounts it.

The names are those of the options, so one that is misspelt is noticed; as an environment variable, it would be one more
variable among many.
"""

from __future__ import annotations

from components.shared.config import StepConfig, options_of, step_name
from components.shared.config.values import nearest
from components.shared.errors import InputError
from components.shared.stores import storage


def read_options(folder: str, config: type[StepConfig]) -> dict[str, str]:
    """Return the texts by option; InputError for a name that is none of the step's, or a folder that is not there."""
    known = {field.name for field in options_of(config)}
    # Kubernetes keeps its own files there, too: ..data and the like
    names = [name for name in storage.list_names(folder) if not name.startswith(".")]
    if not names:
        raise InputError(f"--options-folder {folder} has no files; mount the ConfigMap with the step's options there")
    for name in names:
        if name not in known:
            raise InputError(
                f"{name!r} in {folder} is no option of {step_name(config)}: {nearest(name, known)}; give Job and "
                "ConfigMap a new name with it (nameSuffix): neither can be changed"
            )
    return {name: storage.read_bytes(storage.join(folder, name)).decode().removesuffix("\n") for name in names}
