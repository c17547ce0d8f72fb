"""The token of the Hugging Face hub: the one in HF_TOKEN, or in the file that `hf auth login` writes."""

from __future__ import annotations

import re

from huggingface_hub import get_token

from components.shared.errors import InputError
from components.shared.redaction import hide

_UNUSABLE = (
    "the token of the hub (HF_TOKEN, or the file that `hf auth login` writes) holds a space, a line break or a "
    "character beyond ASCII, which no token has (it is not shown); set HF_TOKEN to the token alone, or log in again"
)


def hub_token() -> str:
    """Return the token that the hub's client sends, "" if there is none; from then on it is masked in all output.

    Raises InputError for a token that cannot be sent.
    """
    try:
        token = get_token() or ""
    except UnicodeDecodeError as error:
        raise InputError(_UNUSABLE) from error
    hide(token)
    if not re.fullmatch(r"[!-~]*", token):
        raise InputError(_UNUSABLE)
    return token
