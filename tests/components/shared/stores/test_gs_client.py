from __future__ import annotations

from google.oauth2.credentials import Credentials

from components.shared.redaction import MASK, redacted
from components.shared.stores._gs_client import GSClient


def test_the_token_of_a_request_is_masked() -> None:
    client = GSClient(token=Credentials(token="ya29.canary"), skip_instance_cache=True)
    assert client._get_headers(None)["authorization"] == "Bearer ya29.canary"
    assert redacted("refused: Bearer ya29.canary") == f"refused: Bearer {MASK}"
