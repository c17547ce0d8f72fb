"""Which image runs which group of steps. Standard library only: components read it at compile time.

The names stand in images.json beside this file. Until a release has written digests there (``python -m
images.release``), an image has its tag; from then on, pipelines and Jobs name exactly the images that were released.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Literal, TypedDict

ImageName = Literal["cpu", "vllm", "train"]
NAMES_FILE = Path(__file__).with_name("images.json")


class ImageNames(TypedDict):
    """What images.json holds."""

    prefix: str  # the registry and the folder in it, which precede every image's name
    tag: str  # the version, for images that are built but not released
    base: str  # the image, by digest, that the released ones were built from
    digests: dict[str, str]  # of the released images, by name


def read_names() -> ImageNames:
    """Return what images.json holds."""
    names: ImageNames = json.loads(NAMES_FILE.read_text(encoding="utf-8"))
    return names


def image(name: ImageName) -> str:
    """Return the full name of an image, by digest once it is released.

    At compile time SCALEQUEST_IMAGE_CPU, …_VLLM and …_TRAIN name other images, and SCALEQUEST_IMAGE_PREFIX another
    place to pull all from, such as a mirror.
    """
    if given := os.environ.get(f"SCALEQUEST_IMAGE_{name.upper()}"):
        return given
    names = read_names()
    prefix = os.environ.get("SCALEQUEST_IMAGE_PREFIX", names["prefix"])
    digest = names["digests"].get(name, "")
    return f"{prefix}/{name}@{digest}" if digest else f"{prefix}/{name}:{names['tag']}"
