"""The options of import_model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from components.shared.addresses import parse_address, scheme_of_model
from components.shared.config import StepConfig, option
from components.shared.config.artifacts import Artifact, artifacts
from components.shared.images import ImageName
from components.shared.templates.families import CHAT_TEMPLATES, OWN

RANDOM_MODEL = "random:llama"


@dataclass(frozen=True, kw_only=True)
class ImportModelConfig(StepConfig):
    """Copy a model into the workspace as safetensors, with its tokenizer and chat template."""

    VERSION: ClassVar = 2  # 1 did not keep what a GGUF file states of the licence
    IMAGE: ClassVar[ImageName] = "train"
    WATCHED: ClassVar = ()  # it makes a model
    ARTIFACTS: ClassVar = artifacts(
        model=Artifact(kind="Model", title="Model", description="a model from elsewhere, as the steps load it"),
    )

    source: str = option(
        help="hf://org/name@revision, gs://…, s3://…, a directory, package:name (the GGUF that an installed Python "
        f"package ships), or {RANDOM_MODEL} (a tiny untrained model, for smoke runs)",
        is_folder=True,
    )
    kind: str = option(
        "chat",
        help="a chat model must have a usable chat template, a base model need not; checked at the first import",
        choices=("chat", "base"),
        is_wired=True,
        affects_output=False,  # the files are the same: a model that is judge and base of a scorer is imported once
    )
    chat_template: str = option(
        OWN,
        help="how a chat model will be asked: own, its own chat template; or a chat family, compared with that",
        choices=CHAT_TEMPLATES,
        is_wired=True,
        affects_output=False,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if scheme_of_model(self.source) == "hf":
            parse_address(self.source, "model")
