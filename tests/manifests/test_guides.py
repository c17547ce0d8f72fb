"""The guides' commands, as far as they can be tried without a cloud: ours are parsed, rendered and looked up."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from pipelines.cli import app
from pipelines.cluster.hardware import find_profile
from pipelines.cluster.options import Cluster
from pipelines.cluster.submission import Submission, prepare_submission
from pipelines.nested import walk
from tests.manifests.schemas import kubernetes_versions, problems_of
from tests.manifests.tools import MANIFESTS, Tools, read_objects
from tests.source_tree import ROOT, name_of

TOOLS = {  # whose commands stand in a guide's blocks
    "README.md": {"scalequest", "make"},
    "docs/command.md": {"scalequest"},
    "helm/README.md": {"helm", "kubectl"},
    "images/README.md": {"make"},
    "manifests/EKS.md": {"scalequest", "helm", "make", "kubectl"},
    "manifests/GKE.md": {"scalequest", "helm", "make", "kubectl"},
    "manifests/OPERATING.md": {"scalequest", "helm", "make", "kubectl"},
    "manifests/README.md": {"kubectl"},
}
GUIDES = [ROOT / name for name in TOOLS]
CLOUDS = [MANIFESTS / "GKE.md", MANIFESTS / "EKS.md"]
NAMES = {  # what a reader exports in the first step, where a command here needs it
    "ACCOUNT": "123456789012",
    "ALIAS": "v20260818",
    "AWS_REGION": "eu-west-1",
    "BUCKET": "team-bucket",
    "CLUSTER": "team-cluster",
    "NAMESPACE": "kubeflow",
}
CLUSTER_ONLY = {"--create-namespace", "--reset-then-reuse-values"}  # what helm asks a cluster for
SUBCOMMANDS = {  # of kubectl and helm, as far as the guides use them
    "annotate", "apply", "auth", "can-i", "create", "delete", "describe", "exec", "generic", "get", "install",
    "kustomize", "list", "logs", "namespace", "patch", "port-forward", "restart", "rollout", "secret", "test", "token",
    "uninstall", "upgrade", "wait",
}  # fmt: skip
HERE = re.compile(r"(?:manifests|helm|images|pipelines|components)/[\w./-]*")  # a path from the root


def guides_with(*tools: str) -> pytest.MarkDecorator:
    """Run a test for each guide that has commands of one of the tools."""
    guides = [ROOT / name for name, those in TOOLS.items() if those & set(tools)]
    assert guides
    return pytest.mark.parametrize("guide", guides, ids=name_of)


@pytest.fixture(params=GUIDES, ids=name_of)
def guide(request: pytest.FixtureRequest) -> Path:
    path = request.param
    assert isinstance(path, Path)
    return path


def test_every_guide_is_known_with_the_tools_whose_commands_it_has(guide: Path) -> None:
    starts = {
        line.partition(" ")[0] for block in _blocks_of(guide.read_text(encoding="utf-8")) for line in block.splitlines()
    }
    assert starts & set().union(*TOOLS.values()) == TOOLS[name_of(guide)]
    assert set(MANIFESTS.glob("*.md")) <= set(GUIDES)


@guides_with("scalequest")
def test_every_scalequest_command_is_one_that_the_command_line_takes(guide: Path) -> None:
    commands = _commands_of(guide, "scalequest")
    assert commands
    for words in commands:
        context = _parsed(words)
        assert context.info_name == words[1]
        if context.params.get("profile"):
            find_profile(context.params["profile"])
        if context.info_name == "submit" and not context.params["preset"].endswith(".yaml"):  # not the reader's own
            _submission(context.params)


@pytest.mark.parametrize("path", CLOUDS, ids=lambda path: path.name)
def test_a_guide_leads_from_the_doctor_to_the_dataset(path: Path) -> None:
    steps = [
        (words[1], *words[2:3]) if words[1] == "submit" else (words[1],) for words in _commands_of(path, "scalequest")
    ]
    order = [("doctor",), ("submit", "smoke"), ("submit", "paper"), ("status",), ("verify",), ("gc",)]
    assert [step for step in dict.fromkeys(steps) if step in order] == order
    assert ("show",) in steps


@pytest.mark.parametrize("path", CLOUDS, ids=lambda path: path.name)
def test_what_is_not_run_and_not_checked_is_said(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "> **Not run by us on a cluster.**" in text.split("## ")[0]
    assert "**not checked**" in text
    assert "## What was checked" in text


@guides_with("helm")
def test_every_helm_command_of_the_chart_renders(guide: Path, tools: Tools) -> None:
    commands = [words for words in _commands_of(guide, "helm") if words[2:4] == ["scalequest", "helm/"]]
    assert {words[1] for words in commands} <= {"install", "upgrade"}
    assert commands
    for words in commands:
        settings = [word.replace("$ACCOUNT", NAMES["ACCOUNT"]) for word in words[4:] if word not in CLUSTER_ONLY]
        done = tools.run("helm", "template", "scalequest", str(tools.chart), *settings)
        assert done.returncode == 0, (words, done.stderr)


@guides_with("kubectl", "helm")
def test_every_flag_of_kubectl_and_helm_is_one_that_they_have(guide: Path, tools: Tools) -> None:
    text = guide.read_text(encoding="utf-8").replace("\\\n", " ")
    commands = re.findall(r"\b(?:kubectl|helm) [a-z][^|`)\n]*", text)
    assert commands
    for command in commands:
        tool, *words = command.partition(" -- ")[0].split()
        verbs = list(itertools.takewhile(lambda word: word in SUBCOMMANDS, words))
        flags = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word, re.IGNORECASE)}
        known = _flags_of(tools, tool, *verbs[:3]) if flags else set()
        assert flags <= known, command


def test_every_block_is_a_shells(guide: Path) -> None:
    blocks = _blocks_of(guide.read_text(encoding="utf-8"))
    assert blocks
    for block in blocks:
        done = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_what_a_guide_types_into_a_tool_is_what_it_takes() -> None:
    text = (MANIFESTS / "EKS.md").read_text(encoding="utf-8")
    typed = dict(re.findall(r"^(\w+) [^\n]*<<EOF\n(.*?)^EOF$", text, re.MULTILINE | re.DOTALL))
    assert list(typed) == ["eksctl", "kubectl"]
    (cluster,) = read_objects(typed["eksctl"].replace("{{EC2PrivateDNSName}}", "name"))
    (cpu,) = cluster["managedNodeGroups"]
    assert cpu["instanceType"] == find_profile("eks-p4de").cpu_node.machine
    objects = read_objects(typed["kubectl"])
    assert [problem for version in kubernetes_versions() for problem in problems_of(objects, version)] == []


@pytest.mark.parametrize("path", CLOUDS, ids=lambda path: path.name)
def test_what_is_put_into_our_files_leaves_nothing_of_an_example(path: Path) -> None:
    blocks = _blocks_of(path.read_text(encoding="utf-8"))
    edits = [line for block in blocks for line in block.splitlines() if line.startswith("sed ")]
    assert edits
    for line in edits:
        command = ["bash", "-c", line.partition(" | kubectl")[0]]
        done = subprocess.run(command, cwd=ROOT, env=os.environ | NAMES, capture_output=True, text=True, check=True)
        objects = read_objects(done.stdout)
        texts = [value for _, value in walk(objects) if isinstance(value, str)]
        assert not [text for text in texts if re.search(r"\bmy-|us-west-2|v20261101", text)]
        assert {item["metadata"].get("namespace", "kubeflow") for item in objects} == {"kubeflow"}


def test_the_patch_for_spot_nodes_changes_the_capacity_types() -> None:
    (patch,) = re.findall(r"--patch='(\[.*?\])'", (MANIFESTS / "EKS.md").read_text(encoding="utf-8"), re.DOTALL)
    pool: Any = read_objects((MANIFESTS / "cluster-admin/eks/karpenter-p4.yaml").read_text(encoding="utf-8"))[0]
    (change,) = json.loads(patch)
    place: list[Any]
    *place, last = [int(part) if part.isdigit() else part for part in change["path"].split("/")[1:]]
    values = functools.reduce(lambda item, part: item[part], place, pool)
    assert last == "-"
    assert functools.reduce(lambda item, part: item[part], place[:-1], pool)["key"] == "karpenter.sh/capacity-type"
    assert [*values, change["value"]] == ["reserved", "on-demand", "spot"]


def test_every_file_that_is_named_exists(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if not link.startswith("https://")]
    assert links
    for link in links:
        name, _, heading = link.partition("#")
        target = guide.parent / name if name else guide
        assert target.exists(), link
        assert not heading or heading in _headings_of(target), link
    for block in _blocks_of(text):
        for name in HERE.findall(re.sub(r"https?://\S+|github\.com/\S+|/work\S*", "", block)):
            assert (ROOT / name).exists(), name


@guides_with("make")
def test_every_make_target_exists(guide: Path) -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {words[1] for words in _commands_of(guide, "make")}
    assert named
    assert named <= targets


def _blocks_of(text: str) -> list[str]:
    """Return the shell blocks, with continued lines joined."""
    return [block.replace("\\\n", " ") for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]


def _commands_of(guide: Path, tool: str) -> list[list[str]]:
    """Return the words of every command of one tool, without files for its input; quotes may reach over lines."""
    lines = [line for block in _blocks_of(guide.read_text(encoding="utf-8")) for line in block.splitlines()]
    commands = [re.sub(r" < \S+$", "", line) for line in lines if line.startswith(f"{tool} ")]
    return [shlex.split(command, comments=True) for command in commands]


@functools.cache
def _flags_of(tools: Tools, tool: str, *verbs: str) -> set[str]:
    """Return the flags that a command of kubectl or helm has, by its own help."""
    help_texts = [tools.run(tool, *verbs, "--help").stdout]
    help_texts += [tools.run("kubectl", "options").stdout] if tool == "kubectl" else []
    return set(re.findall(r"(?<![\w-])--?[a-zA-Z][\w-]*", "\n".join(help_texts)))


def _parsed(words: list[str]) -> Any:
    """Return what the command line understands; it refuses what it does not know."""
    _, name, *arguments = words
    return get_command(app).commands[name].make_context(name, arguments)  # type: ignore[attr-defined]


def _submission(given: dict[str, Any]) -> None:
    """Check preset, settings and hardware as the command does before it asks a cluster."""
    shared = {field.name: given[field.name] for field in dataclasses.fields(Cluster)}
    cluster = Cluster(**shared | {"allow_tags": True})  # the guide releases images first
    names = ("preset", "workspace", "pipeline", "allow_parallel_trainings")
    own = {name: given[name] for name in names}
    prepare_submission(Submission(cluster=cluster, settings=given["settings"] or [], **own))


def _headings_of(path: Path) -> set[str]:
    """Return the anchors that a page of Markdown has, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
