"""What a platform sets in the store's Secret reaches the steps of its pods."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from components.shared.mounted_settings import FOLDER, take_mounted_settings
from pipelines import store_secret


def test_settings_of_a_mounted_secret_are_variables_and_nothing_else_of_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME", "SCALEQUEST_LOG_FORMAT", "AWS_REGION", "PATH"):
        (tmp_path / name).write_text(f"mounted {name}\n")
        if name != "PATH":
            monkeypatch.delenv(name, raising=False)
    (tmp_path / "..data").mkdir()  # Kubernetes' own
    monkeypatch.setenv("OTEL_SERVICE_NAME", "set before")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", dict(os.environ))
        take_mounted_settings(str(tmp_path))
        taken = dict(os.environ)
    assert taken["OTEL_EXPORTER_OTLP_ENDPOINT"] == "mounted OTEL_EXPORTER_OTLP_ENDPOINT"
    assert taken["SCALEQUEST_LOG_FORMAT"] == "mounted SCALEQUEST_LOG_FORMAT"
    assert taken["OTEL_SERVICE_NAME"] == "set before"
    assert "AWS_REGION" not in taken
    assert taken["PATH"] == os.environ["PATH"]


def test_where_nothing_is_mounted_nothing_is_set(tmp_path: Path) -> None:
    before = dict(os.environ)
    take_mounted_settings(str(tmp_path / "none"))
    assert dict(os.environ) == before


def test_pods_mount_the_secret_where_steps_look() -> None:
    assert store_secret.MOUNT["mountPath"] == FOLDER
