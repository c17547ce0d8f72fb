"""Pages in a real browser, where there is one: what they look like, and what the rules of accessibility say of them."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
Scheme = Literal["light", "dark"]

needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="needs chromium (Debian: apt-get install chromium)")

_POLICY = re.compile(r"<meta http-equiv=\"Content-Security-Policy\"[^>]*>")
_LOOK = """
axe.run(document, {resultTypes: ["violations"]}).then(found => {
  const wide = [...document.querySelectorAll("body *")].filter(each =>
    !each.closest(".wide, .text, pre, math") && each.getBoundingClientRect().right > innerWidth + 1);
  const told = JSON.stringify({
    violations: found.violations.map(each => [each.id, ...each.nodes.map(node => node.html.slice(0, 200))]),
    checked: found.passes.length, width: innerWidth, page: document.documentElement.scrollWidth,
    wide: wide.map(each => each.outerHTML.slice(0, 200)),
    tall: [...document.querySelectorAll("td")].filter(each => each.offsetHeight > 160).map(each => each.textContent),
    math: document.querySelectorAll("math").length,
  });
  parent.document.body.textContent = "LOOKED" + told + "END";
});
"""


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What a browser says of a page."""

    violations: Sequence[Sequence[str]]  # of axe-core's rules: the rule, then the elements
    checked: int  # rules that some element keeps
    width: int  # of the window
    page: int  # of what is in it
    wide: Sequence[str]  # elements that reach beyond the window
    tall: Sequence[str]  # cells of tables that are so narrow that their words are broken into many lines
    math: int


def look_at(page: str, width: int, scheme: Scheme) -> Looked:
    """Lay a page out at a width, and apply all rules of axe-core; for that a script is let in."""
    rules = resources.files("axe_core_python").joinpath("axe.min.js").read_text("utf-8")
    script = f"<script>{rules}</script><script>{_LOOK}</script>"
    inside = html.escape(_POLICY.sub("", page).replace("</body>", f"{script}</body>"))
    # A window has at least 500 pixels, a frame may have less.
    frame = f'<iframe width="{width}" height="900" srcdoc="{inside}"></iframe>'
    outside = f'<!doctype html><meta name="color-scheme" content="light dark"><body>{frame}</body>'
    dom = _run(outside, 1400, scheme, "--dump-dom")
    told = re.search(r"LOOKED(\{.*\})END", html.unescape(dom.decode()), re.DOTALL)
    assert told, dom[-2000:]
    content: dict[str, Any] = json.loads(told[1])
    return Looked(**content)


def screenshot(page: str, width: int, height: int, scheme: Scheme) -> bytes:
    """Return a page, as it stands and with what it forbids, as a PNG."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, "page.png")
        _run(page, width, scheme, f"--screenshot={path}", height=height)
        return path.read_bytes()


def first_pixel(png: bytes) -> tuple[int, ...]:
    """Return red, green and blue of the corner of a PNG."""
    at, compressed = 8, b""
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            compressed += png[at + 8 : at + 8 + length]
        at += length + 12
    return tuple(zlib.decompress(compressed)[1:4])  # the first pixel of the first line is the same under every filter


def _run(page: str, width: int, scheme: Scheme, *options: str, height: int = 900) -> bytes:
    # Not pytest's own folder: its long name may not fit the browser's socket.
    with tempfile.TemporaryDirectory(prefix="chromium-") as scratch:
        path = Path(scratch, "page.html")
        path.write_text(page, encoding="utf-8")
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
        command += [f"--user-data-dir={scratch}/profile", f"--window-size={width},{height}"]
        command += [f"--blink-settings=preferredColorScheme={int(scheme == 'light')}"]
        command += ["--virtual-time-budget=60000", *options, path.as_uri()]
        return subprocess.run(command, capture_output=True, check=True, timeout=120).stdout
