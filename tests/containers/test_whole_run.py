import re

import pytest

from components.shared.stores import storage
from components.shared.workspace.manifests import read_manifest
from images.smoke_test import RUNS, steps_of
from pipelines.arguments import prepare_run
from tests.containers.container_runs import run_in_containers
from tests.smoke_runs import folders_of
from tests.stores import Store


@pytest.mark.containers
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore:Task .* have no effect")
@pytest.mark.usefixtures("engine")
def test_the_compiled_pipeline_runs_in_its_images_to_a_dataset(
    s3_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepare_run("smoke", [], s3_store.uri)
    run_in_containers(run.pipeline.path, run.arguments, s3_store.environment, monkeypatch)

    image_of = {step: name for name in RUNS for step in steps_of(name)}
    manifests = [read_manifest(storage.join(s3_store.uri, folder)) for folder in folders_of(s3_store.uri)]
    assert {manifest.step for manifest in manifests} == {step.name for step in run.steps}
    for manifest in manifests:
        assert re.match(rf"scalequest/{image_of[manifest.step]}:\d", manifest.image), manifest.step
    (dataset,) = [manifest for manifest in manifests if manifest.step == "package_dataset"]
    assert dataset.rows_out > 0
