"""Builds the images: ``python -m images.build [--image cpu] [--flavour cpu] [--base IMAGE] [-- options]``.

What follows ``--`` goes to the engine's build as it is, such as the index that has the CPU build of PyTorch.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from components.shared.images import ImageName, read_names
from images.engine import ENGINES, EngineError, find_engine, show

ROOT = Path(__file__).resolve().parent.parent
IMAGES: tuple[ImageName, ...] = ("cpu", "vllm", "train")
FLAVOURS = ("cuda", "cpu")
LOCAL_PREFIX = "scalequest.invalid"  # no such registry can exist (RFC 2606): nothing is pulled by this name


def main(argv: Sequence[str] | None = None) -> int:
    """Build what is asked for; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    cut = words.index("--") if "--" in words else len(words)
    given = _parser().parse_args(words[:cut])
    try:
        engine = find_engine(given.engine)
        for name in given.images or IMAGES:
            show(build_command(engine, name, given.flavour, given.base, words[cut + 1 :]))
    except EngineError as error:
        sys.stderr.write(f"images.build: error: {error}\n")
        return 2
    return 0


def build_command(engine: str, name: str, flavour: str, base: str, options: Sequence[str]) -> list[str]:
    """Return the command that builds one image from the working tree."""
    tag = read_names()["tag"]
    arguments = {"VERSION": tag, "REVISION": revision()} | ({} if name == "cpu" else {"FLAVOUR": flavour})
    arguments |= {"BASE_IMAGE": base} if base else {}
    words = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    file = ROOT / "images" / name / "Dockerfile"
    return [engine, "build", "--file", str(file), "--tag", local_name(name), *words, *options, str(ROOT)]


def local_name(name: str) -> str:
    """Return what an image is called between its build and its release."""
    return f"{LOCAL_PREFIX}/{name}:{read_names()['tag']}"


def revision() -> str:
    """Return the commit of the working tree, marked where that differs from it."""
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return result.stdout.strip() or "unknown"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m images.build", description="Build the images.")
    parser.add_argument("--image", action="append", choices=IMAGES, dest="images", help="repeatable [all]")
    parser.add_argument("--flavour", choices=FLAVOURS, default="cuda", help="of vllm and train [cuda]")
    parser.add_argument(
        "--base", default="", help="image to start from; a release needs it by digest [the Dockerfile's]"
    )
    parser.add_argument("--engine", choices=ENGINES, default="", help="podman or docker [whichever is installed]")
    return parser


if __name__ == "__main__":
    sys.exit(main())
