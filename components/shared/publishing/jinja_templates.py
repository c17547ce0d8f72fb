"""How the templates of cards and pages are read: HTML escapes what is put into it, a missing value is an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jinja2

NO_FILTERS: Mapping[str, Callable[..., Any]] = MappingProxyType({})


def template(
    path: Path,
    filters: Mapping[str, Callable[..., Any]] = NO_FILTERS,
    finalize: Callable[[Any], Any] | None = None,
) -> jinja2.Template:
    """Return a template with filters of its own; Markdown escapes nothing by itself, so its filters have to.

    ``finalize`` is applied to each value before it is escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(path.parent),
        autoescape=path.name.endswith(".html.jinja"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
    )
    environment.filters |= filters
    return environment.get_template(path.name)
