import json
import re
import subprocess
import sys
import tomllib
import typing
from pathlib import Path

import pytest

from components.shared import images
from components.shared.images import ImageName, image, read_names
from tests.source_tree import ROOT

DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture
def released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"prefix": "registry.example.com/team", "tag": "1.2.3", "base": f"a@{DIGEST}", "digests": {"cpu": DIGEST}}
    file = tmp_path / "images.json"
    file.write_text(json.dumps(names))
    monkeypatch.setattr(images, "NAMES_FILE", file)


@pytest.mark.usefixtures("released")
def test_a_released_image_is_named_by_digest_and_another_by_its_tag() -> None:
    assert image("cpu") == f"registry.example.com/team/cpu@{DIGEST}"
    assert image("vllm") == "registry.example.com/team/vllm:1.2.3"


@pytest.mark.usefixtures("released")
def test_the_environment_names_another_place_to_pull_the_same_images_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEQUEST_IMAGE_PREFIX", "mirror.example.com")
    assert image("cpu") == f"mirror.example.com/cpu@{DIGEST}"


@pytest.mark.usefixtures("released")
def test_the_environment_names_a_single_image_altogether(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEQUEST_IMAGE_VLLM", f"mirror.example.com/team/engine@{DIGEST}")
    assert image("vllm") == f"mirror.example.com/team/engine@{DIGEST}"
    assert image("cpu") == f"registry.example.com/team/cpu@{DIGEST}"


def test_the_names_stand_for_this_version_and_are_all_pinned_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCALEQUEST_IMAGE_PREFIX", raising=False)
    names = read_names()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert names["tag"] == project["version"]
    images = typing.get_args(ImageName)
    assert set(names["digests"]) in (set(), set(images))
    version = r"@sha256:[0-9a-f]{64}" if names["digests"] else f":{re.escape(names['tag'])}"
    assert all(re.fullmatch(f"{re.escape(names['prefix'])}/{name}{version}", image(name)) for name in images)


def test_naming_an_image_loads_the_standard_library_only() -> None:
    program = "import sys; from components.shared.images import image; image('cpu'); print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    ours = {name for name in loaded.split() if name.startswith("components")}
    assert ours == {"components", "components.shared", "components.shared.images", "components.shared.telemetry"}
    assert not {"yaml", "pyarrow", "fsspec", "kfp"} & set(loaded.split())
