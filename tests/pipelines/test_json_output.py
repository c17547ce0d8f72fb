"""What ``--json`` prints: one document, whatever the secrets are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from components.shared.redaction import MASK
from pipelines.json_output import print_json


@dataclass(frozen=True)
class Told:
    text: str
    rows: tuple[int, ...]


@pytest.mark.parametrize(
    ("secret", "number"), [("pässwört", 3), ('qu"ote\\d', 3), ("123456", 123456), ("\u202ehidden", 3)]
)
def test_secrets_are_masked_and_the_document_stays_whole(
    secret: str, number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MY_PASSWORD", secret)
    print_json({"a": [Told(f"see {secret}", (number, 7))], f"of {secret}": None, "ratio": 0.5, "sound": True})
    said = capsys.readouterr().out
    read: Any = json.loads(said)
    assert said.isascii()
    assert read == {
        "a": [{"text": f"see {MASK}", "rows": [number, 7]}],
        f"of {MASK}": None,
        "ratio": 0.5,
        "sound": True,
    }
