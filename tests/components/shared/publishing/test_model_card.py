from __future__ import annotations

import pytest

from components.shared.publishing.model_card import base_of
from components.shared.workspace._descriptions import Input
from components.shared.workspace.lineage import Stage
from components.shared.workspace.manifests import Manifest

BASE = "hf://org/base-1.5@" + "0a" * 20


def stage(folder: str, **inputs: str) -> Stage:
    entries = {
        name: (Input(uri=uri, fingerprint="f", kind="" if ":" in uri else "model"),) for name, uri in inputs.items()
    }
    manifest = Manifest(
        format=1, step="train_sft", version=1, fingerprint=folder, kind="model", options={}, inputs=entries, prompts={},
        rows_in=0, rows_out=0, rejected={}, parts=[], files={}, metrics={}, image="", versions={}, written_at="",
    )  # fmt: skip
    return Stage(folder=folder, manifest=manifest, reads=tuple(inputs.values()))


@pytest.mark.parametrize(
    ("stages", "base"),
    [
        ([stage("imported", source=BASE)], "org/base-1.5"),
        ([stage("imported", source=BASE), stage("sft", model="imported"), stage("dpo", model="sft")], "org/base-1.5"),
        ([stage("trained", model=BASE)], "org/base-1.5"),
        ([stage("imported", source="random:llama"), stage("trained", model="imported")], ""),
        ([stage("judge", source=BASE), stage("trained", model="gone", judge="judge")], ""),
        ([stage("made")], ""),
    ],
)
def test_the_base_is_the_model_that_the_first_training_started_from(stages: list[Stage], base: str) -> None:
    assert base_of(stages) == base
