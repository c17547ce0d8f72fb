from __future__ import annotations

from pathlib import Path

import pytest

from components.shared.command.step_command import parse_config
from components.shared.errors import InputError
from tests.components.shared.command.test_step_command import SampleConfig
from tests.manifests.mounts import write_mounted


def test_a_config_map_that_is_mounted_gives_the_options(tmp_path: Path) -> None:
    folder = write_mounted(
        tmp_path / "o", {"workspace": "w", "name": "é\n", "count": "", "share": "0.25", "keep": "true"}
    )
    config, task = parse_config(SampleConfig, ["--options-folder", folder])
    assert config == SampleConfig(workspace="w", name="é", share=0.25, keep=True)
    assert task is None


def test_a_flag_goes_before_the_folder(tmp_path: Path) -> None:
    folder = write_mounted(tmp_path / "o", {"workspace": "w", "name": "n", "count": "4"})
    assert parse_config(SampleConfig, ["--options-folder", folder, "--count=5"])[0].count == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nmae": "n"}, r"'nmae' in \S+ is no option of \w+: did you mean 'name'\?; give Job and ConfigMap a new name"),
        ({"xyz": ""}, "'xyz' in .*: expected one of count, gates, keep, max_gpu_hours, mode, name, "),
        ({"count": "many"}, "--count 'many' is not accepted; expected a whole number"),
        ({}, "has no files; mount the ConfigMap"),
    ],
)
def test_what_is_no_option_is_refused(options: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        parse_config(SampleConfig, ["--options-folder", write_mounted(tmp_path / "o", options)])


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no files"):
        parse_config(SampleConfig, ["--options-folder", str(tmp_path / "none")])
