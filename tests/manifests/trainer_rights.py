"""What manifests/options/trainer lets a step do."""

from __future__ import annotations

import yaml

from tests.source_tree import ROOT


def rights_of_a_step() -> set[tuple[str, str]]:
    """Return the verbs and resources that the option adds to the base's role."""
    patches = yaml.safe_load((ROOT / "manifests/options/trainer/kustomization.yaml").read_text())["patches"]
    (patch,) = (each for each in patches if each["target"] == {"kind": "Role", "name": "scalequest-step"})
    rules = [each["value"] for each in yaml.safe_load(patch["patch"])]
    return {(verb, resource) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
