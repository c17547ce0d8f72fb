from __future__ import annotations

import io
import struct

import pytest

from components.import_model.gguf_header import license_in_gguf


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def head(*pairs: tuple[str, int, bytes]) -> bytes:
    """Return the head of a file with keys, the types of their values, and these."""
    keys = b"".join(text(key) + struct.pack("<I", kind) + value for key, kind, value in pairs)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + keys


GENERAL = head(
    ("general.architecture", 8, text("llama")),
    ("general.file_type", 4, struct.pack("<I", 3)),
    ("general.languages", 9, struct.pack("<IQ", 8, 2) + text("en") + text("de")),
    ("general.license", 8, text("other")),
    ("general.license.name", 8, text("qwen-research")),
    ("llama.block_count", 4, struct.pack("<I", 30)),
    ("general.license.link", 8, text("behind other keys, where no writer puts it")),
)


def test_the_licence_is_stated_as_a_card_states_it() -> None:
    assert license_in_gguf(io.BytesIO(GENERAL)) == 'license: "other"\nlicense_name: "qwen-research"\n'


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GGUF",
        b"GGML" + GENERAL[4:],
        GENERAL[:100],
        head(("general.license", 99, b"")),
        head(("general.license", 8, struct.pack("<Q", 1 << 60))),
        head(("general.architecture", 8, text("llama"))),
    ],
)
def test_a_file_that_states_none_or_is_no_whole_one_has_none(content: bytes) -> None:
    assert license_in_gguf(io.BytesIO(content)) == ""
