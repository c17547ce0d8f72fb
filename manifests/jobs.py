"""Each step of ``components/`` as a plain Kubernetes Job; a step that several pods can share as an Indexed Job.

A step's options stand in a ConfigMap of its name, one key an option, with the defaults of its config. The Job mounts it
as files, which the command reads: whoever runs it edits a list of names and values, and a misspelt name is refused.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from components.shared.config import SharedConfig, StepConfig, info_of, options_of
from components.shared.config.values import default_text
from components.shared.images import ImageName, image
from components.shared.jobs.body import LABELS, SIZES, Size, Work, job_body
from components.shared.jobs.folder_names import step_label
from components.steps import config_of, may_be_a_job, step_names
from pipelines import store_secret
from pipelines.hardware_profiles import read_profile
from pipelines.parameters import Common

SMALLEST_PROFILE = "gke-a100-40g"  # its tasks fit a node of every profile
OPTIONS = "/etc/scalequest-options"
DEADLINE_DAYS = 14  # longer than any step takes; an image that cannot be pulled does not hold a place forever


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a Job has to know of a step."""

    name: str
    config: type[StepConfig]

    @property
    def image(self) -> ImageName:
        """Return the image that its command runs in."""
        return self.config.IMAGE

    @property
    def size(self) -> Size:
        """Return which task of a hardware profile it is."""
        return SIZES[self.image] if may_be_a_job(self.name) else "cpu"

    @property
    def is_shared(self) -> bool:
        """Return whether several pods can share it."""
        return issubclass(self.config, SharedConfig)

    @property
    def object_name(self) -> str:
        """Return the name of its Job and ConfigMap."""
        return step_label(self.name)

    @property
    def options(self) -> list[dataclasses.Field[Any]]:
        """Return the options that somebody sets."""
        return options_of(self.config)


def read_steps() -> list[Step]:
    """Return every step, sorted by name."""
    return [Step(name=name, config=config_of(name)) for name in step_names()]


def options_text(step: Step) -> str:
    """Return a step's ConfigMap as YAML, with each option's help above it."""
    lines = [
        f"# The options of {step.name}. Those without a value that say [required] have to be given.",
        "apiVersion: v1",
        "kind: ConfigMap",
        "metadata:",
        f"  name: {step.object_name}",
        "  labels:",
        *(f"    {name}: {value}" for name, value in LABELS.items()),
        "immutable: true # pods that begin later have the options of those that began before",
        "data:",
    ]
    for field in step.options:
        required = " [required]" if field.default is dataclasses.MISSING else ""
        lines += [f"  # {info_of(field).help}{required}", f"  {field.name}: {json.dumps(default_text(field))}"]
    return "\n".join(lines) + "\n"


def job_of(step: Step) -> dict[str, Any]:
    """Return a step's Job, sized for a node of the smallest profile and tied to no kind of node."""
    work = Work(
        name=step.object_name,
        step=step.name,
        size=step.size,
        is_shared=step.is_shared,
        image=image(step.image),
        arguments=["--options-folder", OPTIONS],
        task=read_profile(SMALLEST_PROFILE).tasks[step.size],
        deadline_seconds=DEADLINE_DAYS * 86400,
        env=_secrets(step),
        volumes=[
            {"name": "options", "configMap": {"name": step.object_name}},
            store_secret.volume(Common.store_secret),
        ],
        mounts=[{"name": "options", "mountPath": OPTIONS, "readOnly": True}, store_secret.MOUNT],
    )
    return job_body(work)


def _secrets(step: Step) -> list[dict[str, Any]]:
    """Return the keys that a step may use, from Secrets that may be missing."""
    names = {field.name for field in step.options}
    # What reads a hub: the imports, and whatever loads a model.
    hub = step.image != "cpu" or step.name.startswith("import_")
    secrets = Common  # by the names that the pipelines know
    keys = [("HF_TOKEN", secrets.hub_secret, "token")] if hub else []
    keys += [("OPENAI_API_KEY", secrets.rewriter_secret, "key")] if "api_key_env" in names else []
    return [
        {"name": variable, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, "optional": True}}}
        for variable, secret, key in keys
    ] + store_secret.variables(secrets.store_secret)
