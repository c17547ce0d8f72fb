"""Writes what in manifests/ follows from steps and profiles: ``python -m manifests.generate``.

With ``--check`` it writes nothing and fails where a file is not up to date. ``python -m manifests.generate gitops --to
DIR`` writes the compiled pipelines as objects of Kubernetes into a folder outside, which nothing here repeats.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml

from components.shared.errors import ExitCode
from components.shared.images import ImageName, image
from components.shared.jobs.body import LABELS, SERVICE_ACCOUNT, SIZE_LABEL, resources_of, shm_volume
from components.shared.jobs.pod_hardware import Placement
from manifests.jobs import job_of, options_text, read_steps
from pipelines.compiled_pipeline import COMPILED, read_documents
from pipelines.hardware_profiles import PROFILES, Profile, profile_names, read_profile

MANIFESTS = Path(__file__).resolve().parent
HEADER = "# Made by python -m manifests.generate; edit an overlay, not this file.\n"
WITH_IMAGES = ("options/judge/judge.yaml", "options/trainer/trainingruntime.yaml")  # the rest is written by hand
GENERATED = ("jobs/**/*.yaml", "options/jobs-on-*/*.yaml", "base/configmap-profiles.yaml")


def generated_files() -> Iterator[tuple[str, str]]:
    """Yield the path below manifests/ and the text of every file that is generated."""
    for step in read_steps():
        folder = f"jobs/{step.object_name}"
        yield f"{folder}/kustomization.yaml", HEADER + to_yaml(_kustomization("Kustomization", resources=["job.yaml"]))
        yield f"{folder}/job.yaml", f"{HEADER}{options_text(step)}---\n{to_yaml(job_of(step))}"
    yield "base/configmap-profiles.yaml", HEADER + _profiles_text()
    for profile in map(read_profile, profile_names()):
        for suffix, placement in (("", profile.on_demand), ("-spot", profile.spot)):
            if not suffix or placement != profile.on_demand:
                text = HEADER + to_yaml(_jobs_on(profile, placement))
                yield f"options/jobs-on-{profile.name}{suffix}/kustomization.yaml", text
    for name in WITH_IMAGES:
        yield name, _with_images((MANIFESTS / name).read_text(encoding="utf-8"))


DEFAULT = "gke-a100-80g"


def pipeline_files() -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each file that registers the compiled pipelines."""
    paths = sorted(COMPILED.glob("*.yaml"))
    for path in paths:
        yield path.name, "---\n".join(map(to_yaml, pipeline_objects(path)))
    resources = [path.name for path in paths]
    yield "kustomization.yaml", to_yaml(_kustomization("Kustomization", resources=resources))


def pipeline_objects(path: Path) -> list[dict[str, Any]]:
    """Return a compiled pipeline as the objects that Kubeflow's Kubernetes native API takes.

    A version is never changed afterwards: its name holds a hash of the compiled file.
    """
    spec, *platform = read_documents(path)
    name = spec["pipelineInfo"]["name"]
    version = f"{name}-{hashlib.sha256(path.read_bytes()).hexdigest()[:10]}"
    head = {"apiVersion": "pipelines.kubeflow.org/v2beta1"}
    return [
        {**head, "kind": "Pipeline", "metadata": {"name": name, "labels": LABELS}, "spec": {"displayName": name}},
        {
            **head,
            "kind": "PipelineVersion",
            "metadata": {"name": version, "labels": LABELS},
            "spec": {"displayName": version, "pipelineName": name, "pipelineSpec": spec}
            | ({"platformSpec": platform[0]} if platform else {}),
        },
    ]


def to_yaml(document: Any) -> str:
    """Return YAML as people write it: in the given order, lists indented, nothing referred to."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=116)


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _kustomization(kind: str, **fields: Any) -> dict[str, Any]:
    version = "v1beta1" if kind == "Kustomization" else "v1alpha1"
    return {"apiVersion": f"kustomize.config.k8s.io/{version}", "kind": kind, **fields}


def _profiles_text() -> str:
    """Return the ConfigMap of profiles with each profile as it is written, comments included."""
    lines = ["apiVersion: v1", "kind: ConfigMap", "metadata:", "  name: scalequest-profiles", "data:"]
    lines += ["  default.yaml: | # of runs that name no profile; an overlay says another one", f"    like: {DEFAULT}"]
    lines += [f'    service_account: "{SERVICE_ACCOUNT}"']
    for name in profile_names():
        text = (PROFILES / f"{name}.yaml").read_text(encoding="utf-8")
        lines += [f"  {name}.yaml: |", *(f"    {line}" for line in text.splitlines())]
    return "\n".join(lines) + "\n"


def _with_images(text: str) -> str:
    """Return a file with the images that the components name."""
    return re.sub(r"(?<= image: ).*/(vllm|train)[:@].*", lambda found: image(cast(ImageName, found[1])), text)


def _jobs_on(profile: Profile, placement: Placement) -> dict[str, Any]:
    """Return the component that sizes Jobs for a profile and sends those with a GPU to its nodes."""
    patches = []
    for size, task in profile.tasks.items():
        resources = resources_of(task)
        if task.gpus == "0":
            resources["limits"]["nvidia.com/gpu"] = None  # type: ignore[assignment] # null takes it away
        pod = {"containers": [{"name": "step", "resources": resources}], "volumes": [shm_volume(task)]}
        if size != "cpu":
            if placement.node_selector:
                pod["nodeSelector"] = placement.node_selector  # type: ignore[assignment]
            if placement.tolerations:
                pod["tolerations"] = placement.tolerations
        patch = {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "any"},
            "spec": {"template": {"spec": pod}},
        }
        patches.append({"target": {"kind": "Job", "labelSelector": f"{SIZE_LABEL}={size}"}, "patch": to_yaml(patch)})
    return _kustomization("Component", patches=patches)


def write_pipelines(folder: Path) -> int:
    """Write the compiled pipelines as objects of Kubernetes; return the exit code."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pipeline_files():
            (folder / name).write_text(text, encoding="utf-8")
            sys.stderr.write(f"{folder / name} written\n")
    except OSError as error:
        sys.stderr.write(f"--to {folder} cannot be written: {error.strerror}; give a folder that can\n")
        return ExitCode.BAD_INPUT
    return 0


def main() -> int:
    """Write the files, or with --check only name those that are not up to date."""
    parser = argparse.ArgumentParser(prog="python -m manifests.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not up to date")
    commands = parser.add_subparsers(dest="command", metavar="gitops")
    gitops = commands.add_parser("gitops", help="the compiled pipelines as Pipeline and PipelineVersion objects")
    gitops.add_argument("--to", type=Path, required=True, metavar="DIR", help="folder to write them to")
    arguments = parser.parse_args()
    return write_pipelines(arguments.to) if arguments.command else write_or_check(arguments.check)


def write_or_check(check: bool) -> int:
    """Write what is not up to date in manifests/, or only name it; return the exit code."""
    files = {MANIFESTS / name: text for name, text in generated_files()}
    standing = {path for pattern in GENERATED for path in MANIFESTS.glob(pattern)}
    changed = [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in sorted([*changed, *(standing - set(files))]):
        sys.stderr.write(f"{path.relative_to(MANIFESTS.parent)} {'is not up to date' if check else 'written'}\n")
    if check:
        return 1 if changed or standing - set(files) else 0
    for path in standing - set(files):
        path.unlink()
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
