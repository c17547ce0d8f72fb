from __future__ import annotations

from pathlib import Path

import pytest

from components.shared.errors import InputError
from components.shared.stores._s3_client import S3Client
from components.shared.stores.refusals import explained


@pytest.mark.parametrize(
    ("variables", "options", "region"),
    [
        ({"AWS_REGION": "eu-west-1"}, {}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, {}, "eu-west-1"),
        (
            {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"},
            {},
            "eu-west-1",
        ),
        ({"AWS_REGION": "eu-west-1"}, {"client_kwargs": {"region_name": "us-west-2"}}, "us-west-2"),
    ],
)
def test_the_region_is_the_one_that_the_environment_names(
    variables: dict[str, str], options: dict[str, dict[str, str]], region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", **variables}.items():
        monkeypatch.setenv(name, value)
    client = S3Client(skip_instance_cache=True, **options)
    client.connect()
    assert client.s3.meta.region_name == region


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("AWS_ACCESS_KEY_ID", "canary\n"),
        ("AWS_ACCESS_KEY_ID", "canäry"),
        ("AWS_SESSION_TOKEN", "canary\r\n"),
        ("AWS_SESSION_TOKEN", "can\x01ary"),
    ],
)
def test_credentials_that_no_header_takes_are_refused_at_once_and_not_shown(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    given = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    for name, text in {**given, "AWS_ENDPOINT_URL": "http://127.0.0.1:1", variable: value}.items():
        monkeypatch.setenv(name, text)
    with pytest.raises(InputError, match="the credentials for s3:// hold a line break") as refused:
        S3Client(skip_instance_cache=True).info("bucket/x")
    assert "ary" not in str(refused.value)


@pytest.mark.parametrize(
    "content", ["[default]\naws_secret_access_key canary\n", "aws_secret_access_key=canary\n", "[a]\nx=canary\nx=b\n"]
)
def test_a_file_of_credentials_that_cannot_be_read_is_named_and_not_shown(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "credentials"
    file.write_text(content)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    with pytest.raises(InputError, match=f"Unable to parse config file: {file}") as refused, explained("s3://bucket/x"):
        S3Client(skip_instance_cache=True).info("bucket/x")
    assert "canary" not in str(refused.value)
