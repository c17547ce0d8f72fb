"""Pictures in the documentation are small, each is shown somewhere, and all can be made anew."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.chromium import needs_chromium
from tests.pictures import IMAGES, make_pictures
from tests.smoke_runs import Finished
from tests.source_tree import ROOT

MAX_BYTES = 150_000


def test_each_picture_is_small_and_shown_with_a_description() -> None:
    pictures = sorted(IMAGES.iterdir())
    assert pictures
    listed = subprocess.run(["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True)
    texts = [(ROOT / name).read_text(encoding="utf-8") for name in listed.stdout.split()]
    for picture in pictures:
        assert picture.stat().st_size < MAX_BYTES, picture
        shown = [line for text in texts for line in text.splitlines() if f"images/{picture.name})" in line]
        assert shown, picture
        assert all(len(line.partition("![")[2].partition("](")[0]) > 20 for line in shown), shown


@needs_chromium
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_pictures_are_made_anew_from_a_finished_run(undisturbed: Finished, tmp_path: Path) -> None:
    make_pictures(undisturbed.workspace, tmp_path)
    made = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert made.keys() == {path.name for path in IMAGES.iterdir()}
    assert all(10_000 < size < MAX_BYTES for size in made.values()), made
