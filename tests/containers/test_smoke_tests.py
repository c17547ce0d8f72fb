import subprocess
import typing

import pytest

from components.shared.images import ImageName, image

# As a Job has it: nothing may be written but /tmp, no rights; and no network, which no step needs for these rows.
JOB_LIKE = ["--read-only", "--tmpfs=/tmp:mode=1777", "--cap-drop=ALL", "--security-opt=no-new-privileges"]


@pytest.mark.containers
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", typing.get_args(ImageName))
def test_an_image_runs_all_its_steps_without_rights_or_network(name: ImageName, engine: str) -> None:
    command = [engine, "run", "--rm", "--network=none", *JOB_LIKE, image(name), "python3", "/app/smoke_test.py"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"image {name}: passed" in result.stdout
