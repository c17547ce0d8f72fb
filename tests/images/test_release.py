"""What a release refuses, and what it writes; the engine is a script that answers as podman does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.shared import images
from components.shared.images import image
from images import release
from images.engine import EngineError, push
from images.release import BASE, FLAVOUR, REVISION, VERSION, unfit

GOOD = {BASE: f"debian@sha256:{'1' * 64}", VERSION: "0.1.0", REVISION: "abc1234", FLAVOUR: "cuda"}
# Inspects and pushes as podman does: labels as JSON, the digest into the file that is named.
PODMAN = """#!{python}
import json, sys
words = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(" ".join(words[:1] + words[-1:]) + "\\n")
if words[:2] == ["image", "inspect"]:
    print(json.dumps({labels!r}))
if words[0] == "push":
    name = words[-1].rpartition("/")[2].partition(":")[0]
    letter = {{"cpu": "a", "vllm": "b", "train": "c"}}[name]
    open(words[words.index("--digestfile") + 1], "w").write("sha256:" + letter * 64)
"""


@pytest.fixture
def names_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "images.json"
    file.write_text(images.NAMES_FILE.read_text())
    for module in (images, release):
        monkeypatch.setattr(module, "NAMES_FILE", file)
    return file


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({BASE: "debian:bookworm-slim"}, "vllm was built from 'debian:bookworm-slim', which has no digest"),
        ({VERSION: "0.0.9"}, "vllm is of version '0.0.9', images.json of '0.1.0'"),
        ({REVISION: "abc1234-dirty"}, "vllm was built from 'abc1234-dirty'; build it from a commit"),
        ({FLAVOUR: "cpu"}, "vllm is of the flavour 'cpu'; build it with --flavour cuda"),
        ({REVISION: "def5678"}, "the images are built from different commits"),
    ],
)
def test_what_is_not_fit_for_a_release_is_said(change: dict[str, str], words: str) -> None:
    labels = {"cpu": GOOD, "vllm": GOOD | change, "train": GOOD}
    assert any(problem.startswith(words) for problem in unfit(labels, "cuda"))
    assert unfit({"cpu": GOOD, "vllm": GOOD, "train": GOOD}, "cuda") == []


def test_a_release_pushes_all_three_and_pins_them(
    names_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = _install_podman(tmp_path, monkeypatch, GOOD)
    assert release.main(["--registry", "registry.example.com/team"]) == 0
    assert image("vllm") == f"registry.example.com/team/vllm@sha256:{'b' * 64}"
    assert json.loads(names_file.read_text())["base"] == GOOD[BASE]
    pushed = [line.split()[1] for line in log.read_text().splitlines() if line.startswith("push")]
    assert pushed == [f"registry.example.com/team/{name}:0.1.0" for name in ("cpu", "vllm", "train")]


def test_nothing_is_pushed_or_written_where_one_image_is_not_fit(
    names_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = names_file.read_text()
    log = _install_podman(tmp_path, monkeypatch, GOOD | {BASE: "debian:bookworm-slim"})
    assert release.main(["--registry", "registry.example.com/team"]) == 2
    assert "build it with --base NAME@sha256:…" in capsys.readouterr().err
    assert "push" not in log.read_text()
    assert names_file.read_text() == before


def test_docker_says_which_digest_it_pushed_or_the_release_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, words = tmp_path / "docker", tmp_path / "words"
    program.write_text(f"#!/bin/sh\ncat {words}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    words.write_text(f"The push refers to repository [example.com/team/cpu]\n1: digest: sha256:{'a' * 64} size: 495\n")
    assert push("docker", "example.com/team/cpu:1") == f"sha256:{'a' * 64}"
    words.write_text("")
    with pytest.raises(EngineError, match="does not say by which digest"):
        push("docker", "example.com/team/cpu:1")


def test_without_an_engine_it_says_which_it_needs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "images.release", "--registry", "r"]
    result = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(tmp_path)})
    assert (result.returncode, result.stderr) == (
        2,
        "images.release: error: podman or docker is missing; install it to build or push images\n",
    )


def _install_podman(folder: Path, monkeypatch: pytest.MonkeyPatch, labels: dict[str, str]) -> Path:
    log, program = folder / "log", folder / "bin" / "podman"
    program.parent.mkdir()
    program.write_text(PODMAN.format(python=sys.executable, log=str(log), labels=labels))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    return log
