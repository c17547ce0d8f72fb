"""The version of a source that an installed Python package provides."""

from __future__ import annotations

from importlib import metadata

from components.shared.errors import InputError, NotHereError


def installed_version(package: str, source: str) -> str:
    """Return a package's version; NotHereError without it, InputError where it is not the one behind the "@"."""
    try:
        installed = metadata.version(package)
    except (metadata.PackageNotFoundError, ValueError) as error:
        raise NotHereError(
            f"--source {source!r} names the Python package {package!r}, which is not installed; install it or name "
            "another"
        ) from error
    version = source.partition("@")[2]
    if version not in ("", installed):
        raise InputError(f"--source {source!r} asks for version {version}, but {installed} is installed")
    return installed
