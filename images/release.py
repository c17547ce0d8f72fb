"""Pushes the built images, and pins them: ``python -m images.release --registry REGISTRY/FOLDER``.

Their digests go to components/shared/images.json, which the components read; pipelines and manifests have to be made
anew after that (``make release-images`` does it all). Nothing is pushed unless all three are fit to be released.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence

from components.shared.images import NAMES_FILE, ImageNames, read_names
from images.build import FLAVOURS, IMAGES, local_name
from images.engine import ENGINES, EngineError, call, find_engine, labels_of, push

BASE, VERSION, REVISION = (f"org.opencontainers.image.{key}" for key in ("base.name", "version", "revision"))
FLAVOUR = "dev.scalequest.flavour"


def main(argv: Sequence[str] | None = None) -> int:
    """Release the images; return the exit code."""
    given = _parser().parse_args(argv)
    try:
        engine = find_engine(given.engine)
        labels: dict[str, Mapping[str, str]] = {name: labels_of(engine, local_name(name)) for name in IMAGES}
        if problems := unfit(labels, given.flavour):
            sys.stderr.writelines(f"images.release: error: {problem}\n" for problem in problems)
            return 2
        digests: dict[str, str] = {name: _push(engine, name, given.registry, given.push_option) for name in IMAGES}
    except EngineError as error:
        sys.stderr.write(f"images.release: error: {error}\n")
        return 2
    names = ImageNames(prefix=given.registry, tag=read_names()["tag"], base=labels["cpu"][BASE], digests=digests)
    NAMES_FILE.write_text(json.dumps(names, indent=2) + "\n", encoding="utf-8")
    sys.stdout.writelines(f"{given.registry}/{name}@{digest}\n" for name, digest in digests.items())
    return 0


def unfit(labels: Mapping[str, Mapping[str, str]], flavour: str) -> list[str]:
    """Return why images, by their labels, are not fit to be released, one line each."""
    tag = read_names()["tag"]
    problems = []
    for name, found in labels.items():
        base, version, revision = (found.get(key, "") for key in (BASE, VERSION, REVISION))
        if "@sha256:" not in base:
            problems.append(f"{name} was built from {base!r}, which has no digest; build it with --base NAME@sha256:…")
        if version != tag:
            problems.append(f"{name} is of version {version!r}, images.json of {tag!r}; build it anew")
        if revision in ("", "unknown") or revision.endswith("-dirty"):
            problems.append(f"{name} was built from {revision!r}; build it from a commit, with nothing changed since")
        if name != "cpu" and found.get(FLAVOUR) != flavour:
            problems.append(f"{name} is of the flavour {found.get(FLAVOUR)!r}; build it with --flavour {flavour}")
    for key, what in ((BASE, "bases"), (REVISION, "commits")):
        if len({found.get(key) for found in labels.values()}) > 1:
            problems.append(f"the images are built from different {what}; build all three anew")
    return problems


def _push(engine: str, name: str, registry: str, options: Sequence[str]) -> str:
    image = f"{registry}/{name}:{read_names()['tag']}"
    call([engine, "tag", local_name(name), image])
    return push(engine, image, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m images.release", description="Push the images and pin them.")
    parser.add_argument("--registry", required=True, help="where images are pushed to, without the image's name")
    parser.add_argument("--flavour", choices=FLAVOURS, default="cuda", help="of vllm and train [cuda]")
    parser.add_argument("--engine", choices=ENGINES, default="", help="podman or docker [whichever is installed]")
    parser.add_argument("--push-option", action="append", default=[], help="goes to the engine's push; repeatable")
    return parser


if __name__ == "__main__":
    sys.exit(main())
