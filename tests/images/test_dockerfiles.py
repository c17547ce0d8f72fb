import re
import subprocess
import sys
from pathlib import Path

import pytest

from images.build import IMAGES, build_command
from tests.source_tree import ROOT

DOCKERFILES = [ROOT / "images" / name / "Dockerfile" for name in IMAGES]
CACHES = ("XDG_CACHE_HOME", "HF_HOME", "SCALEQUEST_CACHE")
GPU_CACHES = ("TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR")


def name_of(path: Path) -> str:
    return path.parent.name


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_hadolint_finds_nothing(path: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    command = [str(hadolint), "--config", str(ROOT / ".hadolint.yaml"), "--failure-threshold", "style", str(path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_every_stage_starts_from_the_base_that_may_be_replaced(path: Path) -> None:
    text = path.read_text()
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?", text, re.MULTILINE)
    names = {name for _, name in stages if name}
    assert {source for source, _ in stages} <= {"${BASE_IMAGE}", *names}
    # A host would be pulled from, whatever registry a cluster may reach.
    assert not re.search(r"[\w-]+\.(io|com|dev|org)/", re.sub(r"^LABEL.*", "", text, flags=re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_the_last_stage_runs_as_a_user_without_rights_and_keeps_caches_where_any_user_may_write(path: Path) -> None:
    last = path.read_text().rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (.*)", last, re.MULTILINE) == ["1000:0"]
    for name in CACHES + (GPU_CACHES if path.parent.name != "cpu" else ()):
        assert f"{name}=/tmp/.cache" in last, name
    assert "pip" not in last


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_a_change_of_code_touches_no_layer_of_packages(path: Path) -> None:
    text = path.read_text()
    packages, _, rest = text.partition("AS source")
    assert not re.search(r"COPY (--from=\S+ )?(\. |components|pipelines)", packages)
    copied = re.findall(r"^COPY --from=(\S+)", rest, re.MULTILINE)
    assert copied[-1] == "source"
    assert rest.index("ARG REVISION") > rest.index("COPY --from=source")


@pytest.mark.parametrize("path", DOCKERFILES, ids=name_of)
def test_packages_come_by_a_layer_that_stands_until_their_stage_is_made_anew(path: Path) -> None:
    # For a COPY from a stage, podman copies all of it to see whether it has the layer; for a RUN, it does not look at
    # the stage at all: what the stage's last command writes has to precede it.
    packages, _, last = path.read_text().rpartition("\nFROM ")
    stage = packages.partition(" AS packages\n")[2].partition("\n# --- ")[0]
    assert stage.rstrip().endswith("&& date --iso-8601=ns > /packages-made-at")
    (copied,) = re.findall(
        r"^COPY --from=packages (.*)\nRUN --mount=type=bind,from=packages,\S+ cp --archive", last, re.MULTILINE
    )
    assert copied == "/requirements.txt /packages-made-at /opt/"
    assert last.count("COPY --from=packages") == 1


def test_the_images_are_built_by_one_pattern() -> None:
    patterns = []
    for path in DOCKERFILES:
        stages = re.split(r"^# --- ", path.read_text(), flags=re.MULTILINE)
        patterns.append({stage.split()[0].rstrip(":"): stage for stage in stages[1:]})
    assert len({stages["source"] for stages in patterns}) == 1
    assert [set(stages) - {"flash-attn"} for stages in patterns] == [set(patterns[0])] * 3


def test_the_build_context_holds_what_dockerfiles_copy_and_no_runs() -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert {"components", "pipelines", "pyproject.toml", "README.md", "LICENSE", "images/tools.txt"} <= set(allowed)
    assert not {"runs", ".venv", ".git", "tests"} & set(allowed)


def test_a_build_says_which_version_commit_flavour_and_base_it_is_of() -> None:
    command = build_command("podman", "vllm", "cpu", "debian@sha256:1", ["--network=host"])
    assert {"FLAVOUR=cpu", "BASE_IMAGE=debian@sha256:1", "VERSION=0.1.0", "--network=host"} <= set(command)
    assert any(word.startswith("REVISION=") for word in command)
    assert not any(word.startswith("FLAVOUR") for word in build_command("podman", "cpu", "cpu", "", []))
