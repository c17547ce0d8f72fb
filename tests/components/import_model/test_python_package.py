from __future__ import annotations

from pathlib import Path

import pytest

from components.import_model.config import ImportModelConfig
from components.import_model.step import licenses_ahead
from components.shared.workspace import Workspace
from tests.components.import_model.test_gguf_header import GENERAL, head, text


@pytest.mark.parametrize(
    ("name", "gguf", "stated"),
    [
        ("states_a_licence", GENERAL, ['license: "other"\nlicense_name: "qwen-research"\n']),
        ("states_none", head(("general.architecture", 8, text("llama"))), []),
    ],
)
def test_the_licence_of_a_package_is_not_that_of_the_model_in_it(
    name: str, gguf: bytes, stated: list[str], workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    (tmp_path / name / "model.gguf").write_bytes(gguf)
    described = tmp_path / f"{name}-1.0.dist-info"
    described.mkdir()
    told = f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\nLicense-Expression: MIT\n"
    (described / "METADATA").write_text(told, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert licenses_ahead(ImportModelConfig(workspace=workspace.uri, source=f"package:{name}")) == stated
