"""Pictures in the documentation are small, and each is shown somewhere."""

from __future__ import annotations

import subprocess

from tests.source_tree import ROOT

MAX_BYTES = 150_000


def test_each_picture_is_small_and_shown_with_a_description() -> None:
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    assert pictures
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in listed.stdout.split()]
    for picture in pictures:
        assert picture.stat().st_size < MAX_BYTES, picture
        shown = [line for text in texts for line in text.splitlines() if f"images/{picture.name})" in line]
        assert shown, picture
        assert all(len(line.partition("![")[2].partition("](")[0]) > 20 for line in shown), shown
